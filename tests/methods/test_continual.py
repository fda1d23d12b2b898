"""Going on from what was known: new rows of a head, batches with old samples, the pull towards what was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.engine.helpers import make_data, make_network
from warmstart.data.rehearsal import rehearsed_order
from warmstart.engine.data import Known
from warmstart.engine.penalty import StartingPoint
from warmstart.engine.run import run_recipe
from warmstart.errors import BundleError
from warmstart.methods.continual.head import extended, linear_head
from warmstart.model.head import KNNHead, LinearHead
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.classify import CLASSIFY


def blobs() -> tuple[torch.Tensor, torch.Tensor]:
    """Features of two new classes, 2 and 3, apart from each other."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 2 + 2
    return torch.randn(40, 6, generator=generator) + 4 * nn.functional.one_hot(labels, 6), labels


def old_head() -> LinearHead:
    head = LinearHead(6, 2, seed=1)
    head.set_linear(head.linear.weight, head.linear.bias, torch.full((6,), 0.5), torch.full((6,), 2.0))
    return head


def test_rows_that_were_there_stay_bit_for_bit_and_new_ones_know_their_class() -> None:
    old, (features, labels) = old_head(), blobs()
    new = extended(old, 4, "classify", features, labels)
    assert torch.equal(new.linear.weight[:2], old.linear.weight)
    assert torch.equal(new(features)[:, :2], old(features))
    lengths = new.linear.weight.norm(dim=1)
    torch.testing.assert_close(lengths[2:], lengths[:2].mean().expand(2))
    assert bool((new(features)[:, 2:].argmax(1) + 2 == labels).all()), "a class from the other new one"
    par = new(features)[labels == 2]
    torch.testing.assert_close(par[:, 2].mean(), par[:, :2].max(1).values.mean())


def test_a_new_label_among_several_begins_with_the_odds_of_its_share() -> None:
    targets = torch.zeros(9, 3)
    targets[:3, 2] = 1.0
    new = extended(old_head(), 3, "multilabel", torch.randn(9, 6), targets)
    assert new.linear.weight[2].abs().sum() == 0
    assert new.linear.bias[2].sigmoid().item() == pytest.approx(3.5 / 10)


def test_a_head_without_rows_is_refused() -> None:
    with pytest.raises(BundleError, match="'knn', which has no row for each class"):
        linear_head(KNNHead(2, 3, samples=4))


@given(
    old=st.integers(0, 30),
    new=st.integers(1, 30),
    size=st.integers(2, 9),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 9),
)
def test_every_batch_has_its_share_and_an_epoch_sees_all_that_is_new(
    old: int, new: int, size: int, share: float, seed: int
) -> None:
    is_old = np.random.default_rng(seed).permutation(np.arange(old + new) < old)
    batches = rehearsed_order(is_old, size, share, seed, 0)
    seen = np.concatenate(batches)
    assert sorted(seen[~is_old[seen]]) == np.flatnonzero(~is_old).tolist()
    wanted = min(max(round(share * size), 1), size - 1) if old else 0
    assert {int(is_old[batch].sum()) for batch in batches} == {wanted}
    assert all(len(batch) <= size or wanted == 0 for batch in batches)


def test_old_samples_come_in_turn_from_epoch_to_epoch() -> None:
    is_old = np.arange(20) < 9
    seen = np.concatenate([np.concatenate(rehearsed_order(is_old, 4, 0.5, 0, epoch)) for epoch in range(3)])
    counts = np.bincount(seen[seen < 9], minlength=9)
    assert counts.max() - counts.min() <= 1


def test_a_phase_rehearses_where_a_run_has_old_samples_and_is_plain_where_it_has_none() -> None:
    data = make_data(24, 6)
    known = dataclasses.replace(data, known=Known(np.arange(16), 3))
    recipe = Recipe(name="mine", steps=(Phase(rates=(("*", 1e-3),), epochs=2, batch_size=8, rehearsal=0.5),))
    runs = [run_recipe(recipe, make_network(), one, task=CLASSIFY) for one in (data, known)]
    assert [run.curve[-1].step for run in runs] == [6, 4], "8 new samples, 4 in a batch, beside 4 old ones"


def test_the_pull_is_on_the_rows_that_a_head_had_and_on_no_others() -> None:
    network = make_network()
    start = {name: tensor + 1 for name, tensor in network.state_dict().items()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    StartingPoint(network, start, 0.5, outputs=2).add_gradient()
    head = network.head
    assert isinstance(head, LinearHead)
    assert head.linear.weight.grad is not None
    assert head.linear.weight.grad.mean(1).tolist() == pytest.approx([-0.5, -0.5, 0.0])
    assert head.linear.bias.grad is not None
    assert head.linear.bias.grad.tolist() == pytest.approx([-0.5, -0.5, 0.0])
    first = next(network.backbone.parameters()).grad
    assert first is not None
    torch.testing.assert_close(first, torch.full_like(first, -0.5))
