"""Cached or not, a phase sees the same batches and ends in the same weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.helpers import Told, identical, make_data, make_network, phase_plan, train
from warmstart.cache import wanted as wanted_module
from warmstart.cache.store import ActivationStore
from warmstart.data.batches import ImageBatches, PixelStore
from warmstart.engine.device import make_accelerator
from warmstart.engine.events import silent
from warmstart.engine.feed import Feed
from warmstart.engine.run import run_recipe
from warmstart.model.activation import ActivationDtype
from warmstart.planning.plan import CacheLimits, CachePlan, PhasePlan
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm
from warmstart.task.classify import CLASSIFY

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


def test_gradual_unfreezing_ends_in_the_same_weights_with_and_without_the_cache() -> None:
    rows = [(("head", 1e-2), (f"block:{block}..", 1e-2), ("*", None)) for block in (-1, -2, -3)]
    steps = tuple(PHASE.model_copy(update={"name": f"s{i}", "rates": rates}) for i, rates in enumerate(rows))
    recipe = Recipe(name="gradual", steps=steps)
    results = []
    for total in (1 << 30, 0):
        data = dataclasses.replace(make_data(), limits=CacheLimits(total=total, memory=1 << 30))
        results.append(run_recipe(recipe, make_network(), data, task=CLASSIFY))
    kinds = [[plan.cache.what for plan in result.plan.steps if isinstance(plan, PhasePlan)] for result in results]
    assert kinds[0].count("activations") > 1
    assert "activations" not in kinds[1]
    first = results[0].plan.steps[0]
    assert isinstance(first, PhasePlan)
    assert first.cache.also
    for a, b in zip(results[0].curve, results[1].curve, strict=True):
        assert a.values["train_loss"] == pytest.approx(b.values["train_loss"], abs=1e-5)
    own, other = (result.network.state_dict() for result in results)
    for name, tensor in own.items():
        torch.testing.assert_close(tensor, other[name], rtol=0, atol=1e-5)


def test_gradual_unfreezing_passes_over_the_images_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed = list[int]()

    def batches(_: torch.device, store: PixelStore, indices: list[int], **options: Any) -> ImageBatches:
        computed.append(len(indices))
        return ImageBatches(store, indices, **options)

    monkeypatch.setattr(wanted_module, "batches_on", batches)
    rows = [(("head", 1e-2), (f"block:{block}..", 1e-2), ("*", None)) for block in (-1, -2, -3)]
    steps = tuple(PHASE.model_copy(update={"name": f"s{i}", "rates": rates}) for i, rates in enumerate(rows))
    data = make_data()
    run_recipe(Recipe(name="gradual", steps=(ClosedForm(), *steps)), make_network(), data, task=CLASSIFY)
    assert sorted(computed) == sorted([len(data.split.train), len(data.split.val)])


@pytest.mark.parametrize("views", [3, 5])
def test_as_many_views_as_epochs_are_the_same_as_live_augmentation(views: int) -> None:
    phase = PHASE.model_copy(update={"augment": "standard"})
    a, b = (train(phase.model_copy(update={"views": n}), make_network(), make_data()) for n in (views, 0))
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-5)


def test_fewer_views_than_epochs_are_used_in_turn() -> None:
    phase = PHASE.model_copy(update={"augment": "standard", "views": 2, "epochs": 4})
    network, data = make_network(), make_data()
    plan = phase_plan(phase, network, data)
    assert plan.cache.what == "activations"
    feed = Feed(network, plan, data, make_accelerator(), 0, silent)
    seen: dict[int, set[bytes]] = {}
    for epoch in range(4):
        for batch in feed.train(epoch):
            for index, row in zip(batch.index.tolist(), batch.inputs, strict=True):
                seen.setdefault(index, set()).add(row.numpy().tobytes())
    assert {len(rows) for rows in seen.values()} == {2}
    assert len(seen) == len(data.split.train)


@pytest.mark.parametrize("dtype", ["bf16", "int8"])
def test_a_smaller_format_trains_nearly_the_same_and_says_its_error(dtype: ActivationDtype) -> None:
    told = Told()
    data = dataclasses.replace(make_data(), limits=CacheLimits(dtype=dtype))
    a, b = train(PHASE, make_network(), data, listener=told), train(PHASE, make_network(), make_data())
    assert told.decided(f"stored as {dtype}, relative error")
    for x, y in zip(a.curve, b.curve, strict=True):
        assert x.values["train_loss"] == pytest.approx(y.values["train_loss"], rel=0.02)


def test_activations_beyond_the_memory_limit_are_mapped_and_train_the_same(tmp_path: Path) -> None:
    data = dataclasses.replace(make_data(folder=tmp_path), limits=CacheLimits(memory=1000))
    plan = phase_plan(PHASE, make_network(), data)
    assert plan.cache.where == "disk"
    a, b = train(PHASE, make_network(), data), train(PHASE, make_network(), make_data())
    assert identical(a.last, b.last)


def test_a_store_without_room_costs_time_and_changes_nothing() -> None:
    told = Told()
    data = make_data()
    data = dataclasses.replace(data, cache=ActivationStore(None, budget_bytes=100), limits=CacheLimits(memory=1000))
    a = train(PHASE, make_network(), data, listener=told)
    assert told.decided("for want of room")
    b = train(PHASE, make_network(), make_data())
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-5)


def test_jitter_changes_training_and_not_what_is_evaluated() -> None:
    phase = PHASE.model_copy(update={"jitter": 0.5})
    a, again, b = (train(p, make_network(), make_data()) for p in (phase, phase, PHASE))
    assert identical(a.last, again.last)
    assert not identical(a.last, b.last)


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
