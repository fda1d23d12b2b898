"""What every registered head promises, on ordinary and on awkward data."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engine.heads.support import digits, share, wide
from warmstart.data.schema import IntArray
from warmstart.engine.heads import closed_form
from warmstart.engine.heads.base import Problem
from warmstart.errors import TrainingError
from warmstart.model.head import build_head

NAMES = sorted(closed_form)
LINEAR = sorted(set(NAMES) - {"knn"})


@pytest.mark.parametrize("name", NAMES)
def test_a_head_reads_real_digits(name: str) -> None:
    features, labels, others, truth = digits()
    fitted = closed_form[name](Problem.of(features, labels, 10))
    assert fitted.name == name
    assert share(fitted.logits(others), truth) > (0.87 if name == "class_means" else 0.92)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_for_the_training_samples_tell_what_new_samples_get(name: str) -> None:
    features, labels, others, truth = digits()
    fitted = closed_form[name](Problem.of(features, labels, 10))
    assert fitted.cv_outputs.shape == (600, 10)
    assert fitted.cv_outputs.dtype == torch.float32
    assert share(fitted.cv_outputs, labels) == pytest.approx(share(fitted.logits(others), truth), abs=0.03)
    assert fitted.choice["accuracy"] == pytest.approx(share(fitted.cv_outputs, labels))


@pytest.mark.parametrize("name", NAMES)
def test_labels_that_mean_nothing_are_not_learned(name: str) -> None:
    features, _ = wide(60, 100)
    labels = np.random.default_rng(1).permutation(60) % 4
    fitted = closed_form[name](Problem.of(features, labels, 4))
    assert share(fitted.cv_outputs, labels) < 0.5


@pytest.mark.parametrize("name", NAMES)
def test_the_logits_are_no_surer_than_they_are_right(name: str) -> None:
    features, labels, others, truth = digits()
    logits = closed_form[name](Problem.of(features[:200], labels[:200], 10)).logits(others)
    sure = float(logits.softmax(1).amax(1).mean())
    assert sure == pytest.approx(share(logits, truth), abs=0.1)


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_head_is_its_four_tensors(name: str) -> None:
    features, labels = wide()
    fitted = closed_form[name](Problem.of(features, labels, 4))
    linear = fitted.linear()
    assert linear is not None
    weight, bias, mean, std = linear
    by_hand = ((features.float() - mean) / std) @ weight.T + bias
    assert torch.allclose(by_hand, fitted.logits(features), atol=1e-5)
    assert not fitted.head.training


def test_neighbours_are_not_linear() -> None:
    assert closed_form["knn"](Problem.of(*wide(), 4)).linear() is None


@pytest.mark.parametrize("name", NAMES)
def test_a_head_survives_being_written_down(name: str) -> None:
    features, labels = wide()
    fitted = closed_form[name](Problem.of(features, labels, 4))
    head: nn.Module = build_head(json.loads(json.dumps(fitted.head.config)))
    head.load_state_dict(fitted.head.state_dict())
    with torch.no_grad():
        assert torch.equal(head.eval()(features.float()), fitted.logits(features))
    assert json.loads(json.dumps(fitted.choice)) == fitted.choice


@pytest.mark.parametrize("name", NAMES)
def test_the_same_arguments_give_the_same_head_and_change_nothing(name: str) -> None:
    features, labels = wide()
    before, threads = features.clone(), torch.get_num_threads()
    first, second = (closed_form[name](Problem.of(features, labels, 4), seed=3).logits(features) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(features, before)
    assert torch.get_num_threads() == threads


AWKWARD: dict[str, tuple[Tensor, IntArray, int]] = {
    "two classes": (wide(20, 30, 2)[0], np.arange(20) % 2, 2),
    "four samples": (wide(4, 30, 2)[0], np.array([0, 0, 1, 1]), 2),
    "two samples": (wide(2, 30, 2)[0], np.array([0, 1]), 2),
    "one sample per class": (wide(5, 30, 5)[0], np.arange(5), 5),
    "a class with one sample": (wide(21, 30, 2)[0], np.array([0, 1] * 10 + [2]), 3),
    "classes that do not occur": (wide(20, 30, 2)[0], np.arange(20) % 2 * 2 + 1, 5),
    "one feature": (torch.tensor([[0.0], [0.2], [0.1], [5.0], [5.1], [5.3]]), np.array([0, 0, 0, 1, 1, 1]), 2),
    "features that do not vary": (torch.ones(12, 8), np.arange(12) % 3, 3),
    "a feature that does not vary": (
        torch.cat([wide(20, 30, 2)[0], torch.full((20, 1), 1e4)], 1),
        np.arange(20) % 2,
        2,
    ),
    "the same sample many times": (wide(4, 10, 2)[0].repeat(6, 1), np.tile([0, 1, 0, 1], 6), 2),
    "tiny features": (wide(20, 30, 2)[0] * 1e-12, np.arange(20) % 2, 2),
    "huge features": (wide(20, 30, 2)[0] * 1e12, np.arange(20) % 2, 2),
    "as many samples as features": (wide(20, 20, 2)[0], np.arange(20) % 2, 2),
}


@pytest.mark.parametrize("case", AWKWARD)
@pytest.mark.parametrize("name", NAMES)
def test_awkward_data_gives_finite_logits_for_every_class(name: str, case: str) -> None:
    features, labels, classes = AWKWARD[case]
    fitted = closed_form[name](Problem.of(features, labels, classes))
    logits = fitted.logits(features)
    assert logits.shape == fitted.cv_outputs.shape == (len(labels), classes)
    assert bool(torch.isfinite(logits).all())
    assert bool(torch.isfinite(fitted.cv_outputs).all())
    absent = sorted(set(range(classes)) - set(labels.tolist()))
    assert not set(logits.argmax(1).tolist()) & set(absent)
    assert not set(fitted.cv_outputs.argmax(1).tolist()) & set(absent)


def test_a_feature_that_hardly_varies_beside_the_others_does_not_count() -> None:
    features, labels = wide()
    dead = torch.cat([features, 1e-33 * features[:, :1].float().double()], 1)
    for name in set(NAMES) - {"knn"}:
        linear = closed_form[name](Problem.of(dead, labels, 4)).linear()
        assert linear is not None
        weight, _, _, std = linear
        assert (weight / std).abs().amax() < 1e3, "the gradient that reaches the backbone"


@pytest.mark.parametrize("name", NAMES)
def test_a_scale_of_the_features_does_not_matter(name: str) -> None:
    features, labels = wide()
    logits = [
        closed_form[name](Problem.of(features * scale, labels, 4)).logits(features * scale) for scale in (1, 1e-6, 1e6)
    ]
    assert torch.allclose(logits[0], logits[1], atol=1e-2)
    assert torch.allclose(logits[0], logits[2], atol=1e-2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (torch.tensor([[0.0], [float("nan")], [1.0]]), [0, 1, 1], "1 of 3 samples are not finite"),
        (torch.tensor([[0.0], [float("inf")], [1.0]]), [0, 1, 1], "not finite"),
        (torch.zeros(3, 2), [1, 1, 1], "at least two classes"),
        (torch.zeros(3, 2), [0, 1, 3], r"indices in 0\.\.2"),
        (torch.zeros(3, 2), [0, 1, -1], r"indices in 0\.\.2"),
        (torch.zeros(3, 2), [0, 1], "n labels"),
        (torch.zeros(0, 2), [], "at least two classes"),
        (torch.zeros(3, 0), [0, 1, 1], "features"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_words(name: str, features: Tensor, labels: list[int], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        closed_form[name](Problem.of(features, np.array(labels, dtype=np.int64), 3))
