"""Tags of words go through the same engine: cached or not the same losses, every recipe, probe and baseline."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.entities import corpus

from tests.engine.helpers import phase_plan
from tests.engine.tagged import TARGET, TASK, tag_network, tagged_data
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Split
from warmstart.data.stores import store_of
from warmstart.data.targets import UNKNOWN, parts_of
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Listener, silent
from warmstart.engine.heads.tags import fit_tags
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.words import WordsRung
from warmstart.engine.loop import PhaseResult, run_phase
from warmstart.engine.run import run_recipe
from warmstart.errors import TrainingError
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.plan import CachePlan, PhasePlan
from warmstart.recipe.methods import load_recipe, recipes
from warmstart.recipe.phase import Phase
from warmstart.task.base import suited, task_of

PHASE = Phase(rates=(("head", 1e-2), ("block:-1", 1e-3), ("*", None)), epochs=3, batch_size=7, optimizer="sgd")


def train(plan: PhasePlan, network: Network, data: RunData, listener: Listener = silent) -> PhaseResult:
    return run_phase(network, plan, data, task=TASK, seed=0, rung="test", listener=listener)


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_tuning_from_stored_activations_gives_the_same_losses(family: str, weights: Any) -> None:
    data, cached, direct = tagged_data(), tag_network(family), tag_network(family)
    plan = phase_plan(PHASE.model_copy(update={"class_weights": weights}), cached, data)
    assert plan.cache.what == "activations"
    assert plan.cut > 0
    without = dataclasses.replace(plan, cache=CachePlan("nothing", 0, 0, ""))
    a, b = train(plan, cached, data), train(without, direct, data)
    for x, y in zip(a.curve, b.curve, strict=True):
        assert x.values["train_loss"] == pytest.approx(y.values["train_loss"], abs=1e-5)
        assert x.values["val_loss"] == pytest.approx(y.values["val_loss"], abs=1e-5)
        assert x.values["val_entity_f1"] == pytest.approx(y.values["val_entity_f1"], abs=1e-6)
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "name", [name for name in recipes if name not in ("scratch", "contrastive") and load_recipe(name).needs is None]
)
def test_every_recipe_tags_words_and_its_network_is_what_was_measured(name: str) -> None:
    options: dict[str, Any] = {"rank": 2} if name == "lora" else {}
    recipe, data = load_recipe(name, **options), tagged_data()
    short = [step.model_copy(update={"epochs": 1}) if isinstance(step, Phase) else step for step in recipe.steps]
    result = run_recipe(recipe.model_copy(update={"steps": tuple(short)}), tag_network(), data, task=TASK)
    outputs = predict_outputs(result.network, data.inputs(result.plan.steps[-1].size), data.split.val)
    known = data.targets(data.split.val) != UNKNOWN
    length = known.shape[1]
    torch.testing.assert_close(outputs[:, :length][known], result.val_outputs[:, :length][known], rtol=0, atol=1e-4)


def test_it_learns() -> None:
    recipe = load_recipe("lp_ft", epochs=15, lr=3e-3)
    result = run_recipe(recipe, tag_network(), tagged_data(60, 40), task=TASK)
    assert result.val_metrics["entity_f1"] > 0.95
    assert result.val_metrics["f1_ANIMAL"] > 0.9


def test_the_head_of_frozen_features_is_fitted_on_words() -> None:
    rng = torch.Generator().manual_seed(0)
    targets = torch.randint(-1, 3, (40, 6), generator=rng)
    features = torch.randn(40, 8, 4, generator=rng)
    features[:, :6][targets >= 0] += 4.0 * torch.eye(4)[targets[targets >= 0]]
    fitted = fit_tags(features, targets, 4, ("ridge", "logistic"))
    assert fitted.cv_outputs.shape == (40, 8, 4)
    for outputs in (fitted.cv_outputs, fitted.logits(features)):
        assert float((outputs[:, :6][targets >= 0].argmax(1) == targets[targets >= 0]).float().mean()) > 0.9
    assert fitted.choice["words"] == int((targets >= 0).sum())
    assert fitted.linear() is not None


def test_of_too_many_words_the_rare_are_kept_and_the_shares_are_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = torch.Generator().manual_seed(0)
    targets = (torch.rand(100, 20, generator=rng) < 0.05).long()
    features = torch.randn(100, 20, 3, generator=rng)  # which say nothing of the tags
    whole = fit_tags(features, targets, 2, ("logistic",))
    monkeypatch.setattr("warmstart.engine.heads.tags.MOST", 300)
    few = fit_tags(features, targets, 2, ("logistic",))
    assert few.choice["words"] == 300
    rare = [float(found.logits(features).softmax(-1)[..., 1].mean()) for found in (whole, few)]
    assert rare == pytest.approx([float(targets.double().mean())] * 2, abs=0.02)
    assert float(few.cv_outputs.softmax(-1)[..., 1].mean()) == pytest.approx(rare[0], abs=0.02)


def context_of(data: RunData, backbone: Backbone | None = None) -> LadderContext:
    facts = backbone or tag_network().facts
    return LadderContext(facts, data, task_of(data.dataset.target), Deadline(None), seed=0)


def test_the_baseline_knows_words_and_answers_where_the_targets_are() -> None:
    data = tagged_data(60, 40)
    context, every = context_of(data), np.arange(100)
    contender = WordsRung().climb(context, {})
    assert contender.val_outputs.shape == (*data.targets(data.split.val).shape, 4)
    assert TASK.metrics(contender.outputs(every), data.targets(every))["entity_f1"] > 0.9
    assert "cat" in contender.terms[TARGET.classes.index("B-ANIMAL")]
    assert contender.outputs(every[:0]).shape == (0, 0, 4)
    again = WordsRung().again(context, contender, {})
    torch.testing.assert_close(again.val_outputs, contender.val_outputs)


def test_the_baseline_needs_two_tags() -> None:
    data = tagged_data()
    rows = tuple(dataclasses.replace(s, label=("O",) * len(parts_of(s.label or ()))) for s in data.dataset.samples)
    dataset = dataclasses.replace(data.dataset, samples=rows)
    data = dataclasses.replace(data, dataset=dataset, store=store_of(dataset, data.spec))
    with pytest.raises(TrainingError, match="one tag"):
        WordsRung().climb(context_of(data), {})


@pytest.mark.slow
def test_names_that_were_never_seen_are_found_by_a_tuned_encoder_and_not_by_their_words() -> None:
    dataset = corpus(160, 60)
    backbone = suited(load_backbone("minilm"), dataset.target)
    spec = dataclasses.replace(backbone.spec, size=32)
    split = Split(np.arange(160), np.arange(160, 220), np.arange(0), how="by hand")
    data = RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(None))
    task, targets = task_of(dataset.target), data.targets(split.val)
    words = task.metrics(WordsRung().climb(context_of(data, backbone), {}).val_outputs, targets)["entity_f1"]
    network = Network(backbone, task.head(backbone.out_features, dataset.target))
    recipe = load_recipe("finetune", epochs=4, from_block=0, lr=3e-4)
    tuned = run_recipe(recipe, network, data, task=task).val_metrics["entity_f1"]
    assert tuned > 0.85
    assert tuned > words + 0.1
