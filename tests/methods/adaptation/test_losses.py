"""The losses of domain adaptation against skada's, scikit-learn's and the papers' formulas, on the same tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skada.deep import losses as theirs
from skada.deep._adversarial import CDANLoss, DANNLoss, MDDLoss
from sklearn.metrics.pairwise import rbf_kernel
from torch import Tensor

from warmstart.methods.adaptation import losses
from warmstart.methods.adaptation.beside import reversed_gradient
from warmstart.methods.adaptation.cdan import DRAWN, Conditional

SEEDS = range(3)


def drawn(seed: int, *shape: int, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return made * scale + shift


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_class_confusion_is_skadas(seed: int, temperature: float) -> None:
    logits = drawn(seed, 32, 5, scale=3.0)
    expected = theirs.mcc_loss(logits, T=temperature, eps=1e-12)
    torch.testing.assert_close(losses.class_confusion(logits, temperature), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_distance_of_covariances_is_skadas(seed: int) -> None:
    source, target = drawn(seed, 32, 7), drawn(seed + 9, 20, 7, scale=2.0, shift=1.0)
    torch.testing.assert_close(losses.covariance_distance(source, target), theirs.deepcoral_loss(source, target))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_discrepancy_is_skadas_with_scikit_learns_kernels(seed: int) -> None:
    source, target = drawn(seed, 32, 7), drawn(seed + 9, 20, 7, scale=2.0, shift=1.0)
    both = torch.cat([source, target])
    squared = torch.cdist(both, both).square()
    median = squared[~torch.eye(len(both), dtype=torch.bool)].median()
    gammas = [1 / float(median * 2 ** (k / 2)) for k in range(-16, 17)]

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return torch.from_numpy(np.mean([rbf_kernel(x.numpy(), y.numpy(), gamma) for gamma in gammas], axis=0))

    expected = theirs._maximum_mean_discrepancy(source, target, kernel)
    torch.testing.assert_close(losses.mean_discrepancy(source, target), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_telling_apart_is_skadas_loss_of_dann_and_cdan(seed: int) -> None:
    source, target = drawn(seed, 32), drawn(seed + 9, 20)
    found = losses.told_apart(source, target)
    told = source.sigmoid().float(), target.sigmoid().float()
    torch.testing.assert_close(found.float(), DANNLoss()(*told))
    features = drawn(seed, 32, 3), drawn(seed, 20, 3)
    torch.testing.assert_close(found.float(), CDANLoss()(*told, *features))
    even = torch.ones_like(source) * 7, torch.ones_like(target)
    torch.testing.assert_close(losses.told_apart(source, target, even), found)


def test_sure_samples_count_more_in_telling_apart() -> None:
    sure = losses.sureness(torch.tensor([[9.0, 0.0], [0.0, 0.0]]))
    torch.testing.assert_close(sure, torch.tensor([2.0, 1.5]), atol=2e-3, rtol=0)
    wrong_first, right_first = torch.tensor([4.0, -4.0]), torch.tensor([-4.0, 4.0])
    other, weights = torch.zeros(2), (sure, torch.ones(2))
    assert losses.told_apart(wrong_first, other, weights) > losses.told_apart(right_first, other, weights)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_margin_disparity_is_skadas_on_the_source_and_the_papers_on_the_target(seed: int) -> None:
    """skada's term on the target pairs every sample with the classes of all others, so the formula itself is asked."""
    source, target, one, other = (drawn(seed + i, 16, 4) for i in range(4))
    told = torch.softmax(other, 1).numpy()[np.arange(16), target.argmax(1).numpy()]
    whole = losses.margin_disparity(source, target, one, other, 4.0)
    agree = whole + float(np.log(1 - told).mean())
    without = MDDLoss(gamma=0.0)(source, target, one, other)
    torch.testing.assert_close(agree, MDDLoss(gamma=4.0)(source, target, one, other) - without)


@pytest.mark.parametrize("seed", SEEDS)
def test_information_is_the_mutual_information_of_predictions(seed: int) -> None:
    probabilities = drawn(seed, 30, 5, scale=2.0).softmax(1).numpy()
    joint, mean = probabilities / len(probabilities), probabilities.mean(0)
    expected = (joint * np.log(joint / (joint.sum(1, keepdims=True) * mean))).sum()
    assert -float(losses.information(torch.from_numpy(probabilities).log())) == pytest.approx(expected, rel=1e-5)


def test_pseudo_labels_come_from_the_means_of_what_lies_together() -> None:
    points = torch.cat([drawn(i, 20, 3, scale=0.1) + 3 * torch.eye(3, dtype=torch.float64)[i] for i in range(3)])
    truth = torch.arange(3).repeat_interleave(20)
    logits = torch.nn.functional.one_hot(truth, 4).double()
    wrong = torch.randperm(60, generator=torch.Generator().manual_seed(0))[:12]
    logits[wrong] = logits[wrong].roll(1, 1)[:, [0, 1, 2, 3]] * torch.tensor([1.0, 1.0, 1.0, 0.0])  # class 3 is empty
    assert torch.equal(losses.class_means_labels(points, logits), truth)


def test_the_products_of_cdan_are_those_of_the_paper_or_estimate_their_inner_product() -> None:
    features, shares = drawn(0, 6, 8).float(), drawn(1, 6, 3).softmax(1).float()
    exact = Conditional(8, 3, 4).products(features, shares)
    torch.testing.assert_close(exact, torch.bmm(shares[:, :, None], features[:, None]).flatten(1))
    torch.manual_seed(0)
    wide = Conditional(2000, 3, 4)
    features = drawn(2, 2, 2000).float()
    found = wide.products(features, shares[:2])
    assert found.shape == (2, DRAWN)
    inner = (features @ features.T) * (shares[:2] @ shares[:2].T)  # of the products themselves
    torch.testing.assert_close((found @ found.T).diagonal(), inner.diagonal(), rtol=0.3, atol=0)


def test_a_reversed_gradient_leaves_the_value_and_turns_the_gradient() -> None:
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reversed_gradient(x, 0.25)
    (y * torch.tensor([4.0, 8.0])).sum().backward()
    assert torch.equal(y, x)
    assert x.grad is not None
    assert x.grad.tolist() == [-1.0, -2.0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100.0), st.integers(2, 12), st.integers(2, 6))
def test_losses_are_finite_with_finite_gradients_whatever_the_scale(seed: int, scale: float, n: int, k: int) -> None:
    x, y = (drawn(seed + i, n, k, scale=scale).requires_grad_() for i in range(2))
    for loss in (
        losses.class_confusion(y),
        losses.covariance_distance(x, y),
        losses.mean_discrepancy(x, y),
        losses.information(y),
        losses.margin_disparity(x, y, x, y, 4.0),
        losses.told_apart(x[:, 0], y[:, 0], (losses.sureness(x), losses.sureness(y))),
    ):
        for gradient in torch.autograd.grad(loss, [x, y], allow_unused=True):
            assert gradient is None or bool(gradient.isfinite().all())
    x = x.detach()
    assert float(losses.mean_discrepancy(x, x)) == pytest.approx(0, abs=1e-6)
    assert float(losses.covariance_distance(x, x + 3)) == pytest.approx(0, abs=1e-6)
