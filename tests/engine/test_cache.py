"""Cached or not, a phase sees the same batches and ends in the same weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from tests.engine.helpers import make_data, make_network, phase_plan, train
from warmstart.planning.plan import CachePlan
from warmstart.recipe.phase import Phase

PHASE = Phase(rates=(("head", 1e-2), ("block:-1", 1e-2), ("*", None)), epochs=3, batch_size=7, optimizer="sgd")


@pytest.mark.parametrize("lower", [0, 3])
def test_training_from_cached_activations_equals_training_from_images(lower: int) -> None:
    data, cached, direct = make_data(), make_network(), make_network()
    plan = phase_plan(PHASE, cached, data)
    assert plan.cache.what == "activations"
    at = plan.cache.cut - lower
    assert at > 0
    with_cache = dataclasses.replace(plan, cache=CachePlan("activations", at, 0, ""))
    without = dataclasses.replace(plan, cache=CachePlan("nothing", 0, 0, ""))
    a, b = train(with_cache, cached, data), train(without, direct, data)
    for x, y in zip(a.curve, b.curve, strict=True):
        assert x.values["train_loss"] == pytest.approx(y.values["train_loss"], abs=1e-5)
        assert x.values["val_loss"] == pytest.approx(y.values["val_loss"], abs=1e-5)
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-5)


def test_the_plan_counts_the_steps_that_are_taken() -> None:
    data = make_data(train=22)
    network = make_network()
    plan = phase_plan(PHASE, network, data)
    result = train(plan, network, data)
    assert result.curve[-1].step == plan.steps == 9


def test_a_last_batch_of_one_sample_is_merged_so_that_batch_norm_works() -> None:
    data, network = make_data(train=13), make_network()
    result = train(Phase(epochs=1, batch_size=12, norm="train"), network, data)
    assert result.curve[-1].step == 1
