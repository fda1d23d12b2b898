from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from warmstart.errors import BundleError
from warmstart.model.head import KNNHead, LinearHead, build_head


def filled() -> list[nn.Module]:
    linear, knn = LinearHead(5, 3, dropout=0.25, seed=1), KNNHead(5, 3, samples=7, k=4, temperature=0.1)
    linear.set_linear(torch.randn(3, 5), torch.randn(3), torch.randn(5), torch.rand(5) + 0.5)
    knn.set_bank(torch.randn(7, 5), torch.tensor([0, 1, 2, 0, 1, 2, 0]))
    return [linear.eval(), knn.eval()]


@pytest.mark.parametrize("head", filled(), ids=["linear", "knn"])
def test_a_head_is_rebuilt_from_its_config_and_state_alone(head: nn.Module) -> None:
    rebuilt = build_head(json.loads(json.dumps(head.config))).eval()
    rebuilt.load_state_dict(head.state_dict())
    x = torch.randn(4, 5)
    assert torch.equal(rebuilt(x), head(x))
    assert rebuilt.config == head.config


def test_a_new_linear_head_is_linear_and_drawn_from_its_seed_alone() -> None:
    state = torch.random.get_rng_state()
    head, x = LinearHead(5, 3, seed=2), torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(head.linear.weight, LinearHead(5, 3, seed=2).linear.weight)
    assert not torch.equal(head.linear.weight, LinearHead(5, 3, seed=3).linear.weight)
    assert torch.equal(head(x), head.linear(x))
    assert head.linear.bias.abs().max() == 0
    assert head.linear.weight.abs().max() <= 5**-0.5
    assert {name for name, _ in head.named_parameters()} == {"linear.weight", "linear.bias"}


def test_a_fitted_map_is_put_in_place_with_its_standardisation() -> None:
    head, x = LinearHead(5, 3), torch.randn(4, 5)
    weight, bias, mean, std = torch.randn(3, 5), torch.randn(3), torch.randn(5), torch.rand(5) + 0.1
    head.set_linear(weight, bias, mean, std)
    torch.testing.assert_close(head(x), (x - mean) / std @ weight.T + bias)
    head.set_linear(weight, bias)
    torch.testing.assert_close(head(x), x @ weight.T + bias)


def test_a_map_that_does_not_fit_is_refused() -> None:
    head = LinearHead(5, 3)
    with pytest.raises(ValueError, match="does not fit"):
        head.set_linear(torch.randn(3, 1), torch.randn(3))
    with pytest.raises(ValueError, match="positive"):
        head.set_linear(torch.randn(3, 5), torch.randn(3), std=torch.tensor([1.0, 1, 0, 1, 1]))


def test_the_vote_of_neighbours_is_that_of_a_loop() -> None:
    head, x = filled()[1], torch.randn(6, 5)
    assert isinstance(head, KNNHead)
    for row, found in zip(x, head(x).softmax(1), strict=True):
        similarity = head.bank @ (row / row.norm())
        votes = torch.zeros(3)
        for i in similarity.argsort(descending=True)[:4]:
            votes[head.labels[i]] += (similarity[i] / 0.1).exp()
        torch.testing.assert_close(found, votes / votes.sum(), rtol=1e-4, atol=1e-5)


def test_the_vote_is_finite_at_any_temperature_and_k_is_at_most_the_bank() -> None:
    head = KNNHead(2, 3, samples=2, k=50, temperature=1e-3)
    head.set_bank(torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([2, 0]))
    logits = head(torch.tensor([[5.0, 1.0], [0.0, 0.0]]))
    assert head.config["k"] == 2
    assert torch.isfinite(logits).all()
    assert logits[0].argmax() == 2


def test_an_unknown_kind_of_head_is_an_error_that_names_the_known() -> None:
    with pytest.raises(BundleError, match="linear"):
        build_head({"kind": "tree"})
