"""Whole recipes: closed-form heads, starts of phases, averages."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine.helpers import Told, identical, make_data, make_network
from warmstart.engine.finished import RecipeResult
from warmstart.engine.run import run_recipe
from warmstart.engine.steps.average import mixed
from warmstart.errors import RecipeError
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.catalog import load_backbone
from warmstart.model.head import KNNHead, LinearHead
from warmstart.model.network import Network
from warmstart.recipe.methods import load_recipe, recipes
from warmstart.recipe.phase import GradientStep, Phase
from warmstart.recipe.recipe import Edits, Recipe
from warmstart.recipe.step import Average, ClosedForm, Step
from warmstart.task.classify import CLASSIFY

LAST = Phase(name="tune", rates=(("head", 1e-3), ("*", 1e-3)), epochs=2, batch_size=8)


def run(*steps: Step, edits: Edits | None = None, folder: Path | None = None, told: Told | None = None) -> RecipeResult:
    made = Recipe(name="t", edits=edits or Edits(), steps=steps)
    return run_recipe(
        made, make_network(), make_data(unlabelled=10), task=CLASSIFY, folder=folder, listener=told or Told()
    )


def assert_honest(result: RecipeResult) -> None:
    """What is reported of validation is what the network that is handed over does there."""
    data = make_data()
    outputs = predict_outputs(result.network, data.store, data.split.val)
    torch.testing.assert_close(outputs, result.val_outputs, rtol=1e-3, atol=1e-4)
    assert CLASSIFY.metrics(outputs, data.targets(data.split.val))["accuracy"] == result.val_metrics["accuracy"]


@pytest.mark.parametrize(
    "name", [name for name in recipes if (load_recipe(name).reads, load_recipe(name).needs) == (None, None)]
)
def test_every_recipe_runs_and_reports_what_its_network_does(name: str) -> None:
    found = load_recipe(name)
    quick = tuple(
        s.model_copy(update={"epochs": 1, "batch_size": 8}) if isinstance(s, GradientStep) else s for s in found.steps
    )
    result = run(*quick, edits=found.edits)
    assert_honest(result)
    assert [row.phase for row in result.curve] == [step.name for step in quick]


@pytest.mark.parametrize("head", ["ridge", "knn"])
def test_a_closed_form_head_is_put_in_place_and_survives_the_folder(head: str, tmp_path: Path) -> None:
    result = run(ClosedForm(heads=(head,)), folder=tmp_path)
    assert isinstance(result.network.head, KNNHead if head == "knn" else LinearHead)
    assert_honest(result)
    again = run(ClosedForm(heads=(head,)), folder=tmp_path)
    assert identical(result.network.state_dict(), again.network.state_dict())
    assert_honest(again)


def test_the_grid_is_told_which_columns_are_which_blocks() -> None:
    told, backbone = Told(), load_backbone("toy?taps=1")
    network = Network(backbone, CLASSIFY.head(backbone.out_features, make_data().dataset.target, seed=0))
    run_recipe(
        Recipe(name="t", steps=(ClosedForm(heads=("grid",)),)), network, make_data(), task=CLASSIFY, listener=told
    )
    (decided,) = told.decided("head grid by cross-validation")
    columns = {row["columns"] for row in decided.details["choice"]["candidates"]}
    assert columns == {"all", *(group.name for group in backbone.groups)}
    assert len(columns) == 3


def test_the_backbone_below_a_closed_form_head_keeps_every_bit() -> None:
    result = run(ClosedForm(heads=("ridge",)))
    assert identical(result.network.backbone.state_dict(), make_network().backbone.state_dict())


def test_a_head_that_gradients_cannot_move_is_not_chosen_when_a_phase_follows() -> None:
    told = Told()
    result = run(ClosedForm(heads=("knn",)), LAST, told=told, edits=Edits(dropout=0.25))
    assert told.decided("head blend by cross-validation")
    assert isinstance(result.network.head, LinearHead)
    assert result.network.head.dropout.p == 0.25


def test_a_phase_starts_from_the_closed_form_head() -> None:
    still = LAST.model_copy(update={"rates": (("*", 1e-12),), "epochs": 1})
    probe, both = run(ClosedForm(heads=("ridge",))), run(ClosedForm(heads=("ridge",)), still)
    torch.testing.assert_close(both.val_outputs, probe.val_outputs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("start", ["last", "best"])
def test_a_phase_starts_from_the_last_or_the_best_weights_as_it_says(start: str) -> None:
    wild = LAST.model_copy(update={"name": "wild", "rates": (("*", 0.2),), "epochs": 6, "schedule": "constant"})
    still = LAST.model_copy(update={"rates": (("*", 1e-12),), "epochs": 1, "start": start})
    result = run(wild, still)
    losses = [row.values["val_loss"] for row in result.curve if row.phase == "wild"]
    scores = [(row.values["val_accuracy"], -row.values["val_loss"]) for row in result.curve if row.phase == "wild"]
    best = losses[scores.index(max(scores))]
    assert best != losses[-1]
    expected = best if start == "best" else losses[-1]
    assert result.curve[-1].values["val_loss"] == pytest.approx(expected, rel=1e-4)


def test_a_mixture_is_exactly_one_of_its_ends_at_0_and_1() -> None:
    old, new = ({"w": torch.randn(50), "n": torch.tensor(k)} for k in (1, 2))
    assert torch.equal(mixed(old, new, 0.0)["w"], old["w"])
    assert torch.equal(mixed(old, new, 1.0)["w"], new["w"])
    torch.testing.assert_close(mixed(old, new, 0.25)["w"], 0.75 * old["w"] + 0.25 * new["w"])


def test_the_average_is_never_worse_on_validation_than_its_ends() -> None:
    result = run(ClosedForm(heads=("ridge",)), LAST, Average())
    rows = [row for row in result.curve if row.phase == "average"]
    assert [row.values["alpha"] for row in rows] == [0.0, 0.25, 0.5, 0.75, 1.0]
    scores = [(row.values["val_accuracy"], -row.values["val_loss"]) for row in rows]
    assert max(scores)[0] == result.val_metrics["accuracy"]
    assert_honest(result)


def test_an_average_with_a_new_head_since_the_phase_is_refused() -> None:
    with pytest.raises(RecipeError, match="no such phase"):
        run(LAST, ClosedForm(heads=("ridge",)), Average())


def test_without_validation_a_recipe_gives_its_last_weights_and_no_metrics() -> None:
    made = Recipe(name="t", steps=(ClosedForm(heads=("ridge",)), LAST, Average()))
    told = Told()
    result = run_recipe(made, make_network(), make_data(val=0), task=CLASSIFY, listener=told)
    assert result.val_metrics == {}
    assert result.val_outputs.shape == (0, 3)
    assert told.decided("share 0.5")
