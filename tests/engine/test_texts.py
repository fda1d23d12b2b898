"""Texts go through the same engine: cached or not the same losses, every recipe, and no step lost."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.helpers import Told, identical, phase_plan, train
from tests.engine.test_resume import after
from tests.engine.texts import text_data, text_network
from warmstart.cache.features import activations
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.run import run_recipe
from warmstart.errors import Interrupted, RecipeError
from warmstart.evaluation.predict import predict_outputs
from warmstart.planning.plan import CachePlan, PhasePlan
from warmstart.recipe.methods import load_recipe, recipes
from warmstart.recipe.phase import GradientStep, Phase
from warmstart.recipe.step import ClosedForm
from warmstart.task.classify import CLASSIFY

PHASE = Phase(rates=(("head", 1e-2), ("block:-1", 1e-3), ("*", None)), epochs=3, batch_size=7, optimizer="sgd")


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "deberta-v2", "modernbert", "gpt2", "llama", "t5"])
def test_tuning_from_stored_activations_gives_the_same_losses(family: str) -> None:
    data, cached, direct = text_data(), text_network(family), text_network(family)
    plan = phase_plan(PHASE, cached, data)
    assert plan.cache.what == "activations"
    assert plan.cut > 0
    without = dataclasses.replace(plan, cache=CachePlan("nothing", 0, 0, ""))
    a, b = train(plan, cached, data), train(without, direct, data)
    for x, y in zip(a.curve, b.curve, strict=True):
        assert x.values["train_loss"] == pytest.approx(y.values["train_loss"], abs=1e-5)
        assert x.values["val_loss"] == pytest.approx(y.values["val_loss"], abs=1e-5)
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in recipes if name != "scratch" and load_recipe(name).needs is None])
def test_every_recipe_runs_on_texts_and_its_network_is_what_was_measured(name: str) -> None:
    options: dict[str, Any] = {"rank": 2} if name == "lora" else {}
    recipe, data = load_recipe(name, **options), text_data()
    short = [step.model_copy(update={"epochs": 1}) if isinstance(step, GradientStep) else step for step in recipe.steps]
    result = run_recipe(recipe.model_copy(update={"steps": tuple(short)}), text_network(), data, task=CLASSIFY)
    size = result.plan.steps[-1].size
    outputs = predict_outputs(result.network, data.inputs(size), data.split.val)
    torch.testing.assert_close(outputs, result.val_outputs, rtol=0, atol=1e-4)


def test_it_learns() -> None:
    told = Told()
    recipe = load_recipe("lp_ft", epochs=15, lr=3e-3)
    result = run_recipe(recipe, text_network(), text_data(90, 60), task=CLASSIFY, listener=told)
    assert result.val_metrics["accuracy"] > 0.9


@pytest.mark.parametrize("batches", [2, 6])
def test_a_run_on_texts_goes_on_bit_exactly(batches: int, tmp_path: Path) -> None:
    recipe = load_recipe("finetune", epochs=3, batch_size=7)
    whole, interrupt = run_recipe(recipe, text_network(), text_data(), task=CLASSIFY), Interrupt()
    with pytest.raises(Interrupted):
        run_recipe(
            recipe,
            text_network(),
            text_data(),
            task=CLASSIFY,
            folder=tmp_path,
            listener=after(batches, interrupt),
            interrupt=interrupt,
        )
    resumed = run_recipe(recipe, text_network(), text_data(), task=CLASSIFY, folder=tmp_path)
    assert identical(whole.network.state_dict(), resumed.network.state_dict())


def test_batches_hold_texts_of_much_the_same_length_and_both_kinds_the_same_samples() -> None:
    data, network = text_data(120, 9), text_network()
    phase = PHASE.model_copy(update={"batch_size": 8, "augment": "standard"})
    plan = phase_plan(phase, network, data)
    assert isinstance(plan, PhasePlan)
    assert plan.phase.augment == "none", "texts are not augmented"
    direct = data.store.batches(data.split.train, batch_size=8, shuffle=True, seed=3, epoch=1)  # type: ignore[union-attr]
    lengths = data.lengths(data.split.train, 16)
    assert lengths is not None
    seen = [batch.index for batch in direct]
    assert sorted(torch.cat(seen).tolist()) == data.split.train.tolist()
    spread = [float(lengths[index.numpy()].max() - lengths[index.numpy()].min()) for index in seen]
    assert sum(spread) / len(spread) < 4
    assert all(batch.inputs.shape[1] == lengths[batch.index.numpy()].max() for batch in direct)


def test_activations_are_those_of_each_text_alone_in_the_order_asked_for() -> None:
    data, network = text_data(), text_network()
    chain, order = network.facts.chain, [5, 0, 11, 5, 23]
    for cut in (2, -1):
        found = activations(data.wanted(chain), cut, order)
        again = activations(data.wanted(chain), cut, order)
        assert torch.equal(found, again)
        for row, i in zip(found, order, strict=True):
            (batch,) = data.store.batches([i], batch_size=1)  # type: ignore[union-attr]
            with torch.inference_mode():
                alone = chain.prefix(cut)(batch.inputs)[0]
            assert torch.allclose(row[: len(alone)], alone, atol=1e-5)
            if cut == 2:
                assert not row[len(alone) :, -1].any(), "the mask says that there is nothing more"


@pytest.mark.parametrize("wrong", ["mixup", "cutmix", "jitter"])
def test_what_only_images_can_be_mixed_by_is_refused(wrong: str) -> None:
    with pytest.raises(RecipeError, match=wrong):
        phase_plan(PHASE.model_copy(update={wrong: 0.2}), text_network(), text_data())


def test_a_closed_form_head_on_texts_leaves_the_backbone_as_it_was() -> None:
    network = text_network()
    recipe = load_recipe("probe").model_copy(update={"steps": (ClosedForm(heads=("ridge",)),)})
    result = run_recipe(recipe, network, text_data(90, 30), task=CLASSIFY)
    assert identical(network.backbone.state_dict(), result.network.backbone.state_dict())
    assert result.val_metrics["accuracy"] > 0.6
