"""Contrastive training: what it does to the features, and that the engine's promises hold for it too."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.engine.helpers import Told, changed, identical, make_data, make_network, phase_plan
from tests.engine.test_resume import after, without_times
from tests.engine.texts import spec, text_data, text_network
from warmstart.data.targets import LabelsTarget
from warmstart.data.tokens import TokenStore
from warmstart.engine.contrastive import SupCon, UnitFeatures
from warmstart.engine.data import RunData
from warmstart.engine.finished import RecipeResult
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.loop import PhaseResult, run_phase
from warmstart.engine.run import run_recipe
from warmstart.errors import DataError, Interrupted, RecipeError
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.network import Network
from warmstart.planning.plan import CachePlan, PhasePlan
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.of_backbone import Contrastive
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Edits, Lora, Recipe
from warmstart.recipe.step import ClosedForm
from warmstart.task.classify import CLASSIFY
from warmstart.task.multilabel import MULTILABEL

TOP = (("block:-1", 1e-2), ("*", None))
KINDS = ["text", "image"]


def subject(kind: str, dropout: float = 0.0) -> tuple[Network, RunData]:
    return (text_network(), text_data()) if kind == "text" else (make_network(dropout), make_data())


def contrast(network: Network, data: RunData, step: Contrastive | PhasePlan, **options: Any) -> PhaseResult:
    plan = phase_plan(step, network, data) if isinstance(step, Contrastive) else step
    listener = options.pop("listener", Told())
    return run_phase(
        UnitFeatures.of(network), plan, data, task=CLASSIFY, seed=0, rung="test", listener=listener, **options
    )


def gap(network: Network, data: RunData) -> float:
    """Mean similarity within classes minus that between them."""
    z = functional.normalize(predict_outputs(network.backbone, data.store, data.split.train), dim=1)
    targets = data.targets(data.split.train)
    same, similarity = targets[:, None] == targets, z @ z.T
    return float(similarity[same].mean() - similarity[~same].mean())


def by_definition(z: Tensor, targets: list[int], temperature: float) -> float:
    """Equation 2 of Khosla et al., written as it stands there."""
    losses = []
    for i, target in enumerate(targets):
        others = [a for a in range(len(targets)) if a != i]
        positives = [p for p in others if targets[p] == target]
        if not positives:
            continue
        whole = sum(math.exp(float(z[i] @ z[a]) / temperature) for a in others)
        terms = [math.log(math.exp(float(z[i] @ z[p]) / temperature) / whole) for p in positives]
        losses.append(-sum(terms) / len(positives))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("targets", [[0, 0, 1, 1, 1], [0, 0, 1, 2, 2], [3, 3, 3, 3, 3]])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_the_loss_is_that_of_the_paper(targets: list[int], temperature: float) -> None:
    z = functional.normalize(torch.randn(5, 7, generator=torch.Generator().manual_seed(0)), dim=1)
    found = SupCon(temperature).loss(z, torch.tensor(targets))
    assert float(found) == pytest.approx(by_definition(z, targets, temperature), rel=1e-5)


def test_samples_without_a_class_attract_nobody_and_alone_there_is_no_loss() -> None:
    z = functional.normalize(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), dim=1).requires_grad_()
    loss = SupCon(0.1).loss(z, torch.tensor([-1, -1, 0, 1]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0.0
    assert z.grad is not None
    assert bool(torch.isfinite(z.grad).all())
    assert SupCon(0.1).weight(torch.tensor([-1, -1, 0, 1, 1])) == 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_features_of_a_class_come_nearer_and_the_loss_falls(kind: str) -> None:
    network, data = subject(kind)
    before = gap(network, data)
    result = contrast(network, data, Contrastive(rates=(("*", 2e-3),), epochs=8, batch_size=12))
    losses = [row.values["train_loss"] for row in result.curve]
    assert losses[-1] < losses[0]
    assert all(math.isfinite(row.values["val_loss"]) for row in result.curve)
    assert gap(network, data) > before + 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_frozen_and_the_head_keep_every_bit(kind: str) -> None:
    network, data = subject(kind)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    plan = phase_plan(Contrastive(rates=TOP, epochs=2, batch_size=8), network, data)
    result = contrast(network, data, plan)
    moved = changed(before, result.last)
    assert moved
    assert moved <= {name for group in plan.groups for name in group.parameters}
    assert not any(name.startswith("head.") for name in moved)


@pytest.mark.parametrize("kind", KINDS)
def test_training_from_stored_activations_gives_the_same_losses(kind: str) -> None:
    (cached, data), (direct, _) = subject(kind), subject(kind)
    plan = phase_plan(Contrastive(rates=TOP, epochs=3, batch_size=8, optimizer="sgd"), cached, data)
    assert plan.cache.what == "activations"
    a = contrast(cached, data, plan)
    b = contrast(direct, data, dataclasses.replace(plan, cache=CachePlan("nothing", 0, 0, "")))
    for x, y in zip(a.curve, b.curve, strict=True):
        assert x.values["train_loss"] == pytest.approx(y.values["train_loss"], abs=1e-5)
        assert x.values["val_loss"] == pytest.approx(y.values["val_loss"], abs=1e-5)
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("micro", [1, 3, 8])
def test_a_batch_that_goes_through_in_parts_gives_the_same_weights(
    kind: str, micro: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole, data), (parted, _) = subject(kind), subject(kind)
    if kind == "text":
        whole, parted = text_network("llama"), text_network("llama")  # without dropout, which is drawn part by part
    step = Contrastive(rates=TOP, epochs=2, batch_size=12, optimizer="sgd")
    a = contrast(whole, data, step)
    monkeypatch.setattr("warmstart.engine.assemble.estimate_micro", lambda *_: micro)
    told = Told()
    b = contrast(parted, data, step, listener=told)
    assert told.decided(f"micro-batch {micro} x")
    for x, y in zip(a.curve, b.curve, strict=True):
        assert x.values["train_loss"] == pytest.approx(y.values["train_loss"], abs=1e-5)
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-5)


def test_a_norm_that_trains_takes_each_part_into_account_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmstart.engine.assemble.estimate_micro", lambda *_: 6)
    network, data = make_network(), make_data(24)
    contrast(network, data, Contrastive(rates=(("*", 1e-3),), epochs=1, batch_size=12, norm="train"))
    counts = [b for name, b in network.named_buffers() if name.endswith("num_batches_tracked")]
    assert counts
    assert {int(count) for count in counts} == {4}, "two batches of two parts each"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batches", [2, 5])
def test_a_run_goes_on_bit_exactly(kind: str, batches: int, tmp_path: Path) -> None:
    recipe, interrupt = load_recipe("contrastive", epochs=3, batch_size=8), Interrupt()

    def run(**options: Any) -> RecipeResult:
        network, data = subject(kind, dropout=0.2)
        return run_recipe(recipe, network, data, task=CLASSIFY, **options)

    whole = run()
    with pytest.raises(Interrupted):
        run(folder=tmp_path, listener=after(batches, interrupt), interrupt=interrupt)
    resumed = run(folder=tmp_path)
    assert identical(whole.network.state_dict(), resumed.network.state_dict())
    assert [row[:3] for row in without_times(whole.curve)] == [row[:3] for row in without_times(resumed.curve)]
    again = run(folder=tmp_path)
    assert identical(whole.network.state_dict(), again.network.state_dict())


def test_the_head_is_fitted_on_the_new_features() -> None:
    network, data = subject("text")
    result = run_recipe(load_recipe("contrastive", epochs=4, lr=1e-3), network, data, task=CLASSIFY)
    outputs = predict_outputs(result.network, data.store, data.split.val)
    torch.testing.assert_close(outputs, result.val_outputs, rtol=0, atol=1e-4)
    probed = run_recipe(load_recipe("probe"), text_network(), data, task=CLASSIFY)
    assert changed(probed.network.state_dict(), result.network.state_dict())


def test_a_phase_may_follow_and_low_rank_matrices_may_be_what_trains() -> None:
    network, data = subject("text")
    low = Contrastive(rates=(("lora", 1e-2), ("*", None)), epochs=2, batch_size=12)
    steps = (low, ClosedForm(), Phase(rates=(("head", 1e-3), ("*", None)), epochs=1))
    recipe = Recipe(name="t", edits=Edits(lora=Lora(rank=2)), steps=steps)
    result = run_recipe(recipe, network, data, task=CLASSIFY)
    assert [row.phase for row in result.curve] == ["contrast", "contrast", "probe", "tune"]
    assert result.network.state_dict().keys() == network.state_dict().keys()


def test_the_rate_may_be_found_and_the_weights_averaged() -> None:
    network, data = subject("image")
    told = Told()
    step = Contrastive(rates=(("*", "auto"),), epochs=2, batch_size=8, ema=0.9, augment="light", l2_sp=0.01)
    result = contrast(network, data, step, listener=told)
    assert told.decided("learning rate")
    assert len(result.curve) == 2


def test_without_validation_the_last_weights_are_the_result() -> None:
    network, data = text_network(), text_data(24, 0)
    result = contrast(network, data, Contrastive(rates=TOP, epochs=2, batch_size=8))
    assert identical(result.last, result.best)
    assert all("val_loss" not in row.values for row in result.curve)


def test_without_two_samples_of_a_class_there_is_nothing_to_draw_together() -> None:
    network, data = subject("image")
    alone = dataclasses.replace(data, split=dataclasses.replace(data.split, train=np.arange(3)))
    with pytest.raises(DataError, match="no class has two training samples"):
        run_recipe(load_recipe("contrastive", epochs=1), network, alone, task=CLASSIFY)


def test_labels_that_are_no_classes_are_refused() -> None:
    data = text_data()
    samples = tuple(dataclasses.replace(sample, label=(str(sample.label),)) for sample in data.dataset.samples)
    dataset = dataclasses.replace(data.dataset, samples=samples, target=LabelsTarget(data.dataset.target.classes))
    several = dataclasses.replace(data, dataset=dataset, store=TokenStore(dataset, spec()))
    with pytest.raises(RecipeError, match="labels here are something else"):
        run_recipe(load_recipe("contrastive", epochs=1), text_network(), several, task=MULTILABEL)


def test_progress_counts_the_batches_that_are_trained() -> None:
    network, data = text_network(), text_data(27, 9)
    plan = phase_plan(Contrastive(rates=TOP, epochs=2, batch_size=5), network, data)
    result = contrast(network, data, plan)
    assert [row.step for row in result.curve] == [plan.steps_per_epoch, 2 * plan.steps_per_epoch]
