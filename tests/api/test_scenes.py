"""Boxes and masks from a folder to a model: the ladder, resumed, planned, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.helpers import weights
from tests.api.test_resume import stop_after
from warmstart.api.compare import compare
from warmstart.api.fit import FitResult, fit
from warmstart.api.plan import plan
from warmstart.data.synthetic.scenes import GROUND, SHAPES, write_scenes
from warmstart.engine.events import Decided, Event
from warmstart.errors import BackboneError, DataError, Interrupted, RecipeError
from warmstart.planning.plan import PhasePlan
from warmstart.recipe.text import from_yaml

MASKS: dict[str, Any] = {"task": "segment", "backbone": "toy", "size": 32, "budget": "30m"}
BOXES: dict[str, Any] = {
    "task": "detect",
    "backbone": "lite0",
    "size": 64,
    "head": "fcos?channels=64&convs=1",
    "budget": "30m",
}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "shapes", 24, size=(48, 36), most=2)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rungs of few epochs: what they reach is measured elsewhere."""
    monkeypatch.setattr("warmstart.api.running.rungs.MAPS_HEAD_EPOCHS", (3,))
    monkeypatch.setattr("warmstart.api.running.rungs.MAPS_EPOCHS", (2,))


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def masked(shapes: Path, tmp_path_factory: pytest.TempPathFactory, told: list[Event]) -> FitResult:
    place = tmp_path_factory.mktemp("masked")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("warmstart.api.running.rungs.MAPS_HEAD_EPOCHS", (3,))
        patched.setattr("warmstart.api.running.rungs.MAPS_EPOCHS", (2,))
        return fit(shapes, out=place / "run", cache=place / "cache", listener=told.append, **MASKS)


def test_the_ladder_trains_a_head_on_stored_maps_and_then_everything_from_there(
    masked: FitResult, told: list[Event]
) -> None:
    outcome, said = masked.outcome, " ".join(event.text for event in told if isinstance(event, Decided))
    assert [rung.name for rung in outcome.rungs][:2] == ["head_only", "finetune"]
    assert (outcome.task, outcome.metric, outcome.classes) == ("segment", "miou", (GROUND, *SHAPES))
    assert {"miou", "dice", "boundary_iou", "pixel_accuracy"} <= set(outcome.test)
    assert "there is no simple baseline of boxes and masks" in said
    assert "images are padded to squares of 32 px" in said
    first, then = outcome.rungs[:2]
    assert [row.phase for row in first.curve] == ["head"] * 3
    assert [row.phase for row in then.curve] == ["tune"] * 2
    assert then.trained_parameters > first.trained_parameters
    recipe = from_yaml((masked.bundle / "recipe.yaml").read_text())
    names = [step.name for step in recipe.steps]
    assert names == (["head", "tune"] if outcome.chosen == "finetune" else ["head"])


def test_a_tune_that_was_stopped_goes_on_from_the_same_head(shapes: Path, masked: FitResult, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(shapes, out=tmp_path / "cut", listener=stop_after(3, "phase tune", "rung finetune"), **MASKS)
    resumed = fit(shapes, resume=tmp_path / "cut", **MASKS)
    assert weights(resumed) == weights(masked)
    assert resumed.outcome.test == masked.outcome.test


def test_boxes_are_learned_from_annotations_of_coco(shapes: Path, tmp_path: Path) -> None:
    recipe = "head_only?epochs=1&augment=light&views=1"
    done = fit(shapes, recipe=recipe, baseline="none", out=tmp_path / "run", **BOXES)
    assert (done.outcome.chosen, done.outcome.metric, done.outcome.classes) == (recipe, "map", SHAPES)
    assert {"map", "map_50", "lrp_error"} <= set(done.outcome.test)
    assert (done.bundle / "bundle.json").exists()


def test_a_plan_says_what_is_stored_of_maps(shapes: Path) -> None:
    found = plan(shapes, recipe="head_only?augment=light&views=4", task="segment", backbone="toy", size=32)
    step = found.steps[0]
    assert isinstance(step, PhasePlan)
    assert step.cache.what == "activations"
    assert "4 views" in step.cache.why
    assert step.seconds > 0
    whole = plan(shapes, recipe="finetune?augment=light&from_block=0", task="segment", backbone="toy", size=32)
    assert whole.steps[0].memory > 0


def test_methods_are_compared_on_the_same_folds(shapes: Path, tmp_path: Path) -> None:
    methods = [
        "scratch?epochs=2",
        "head_only?epochs=2",
        "finetune?epochs=1",
        "gradual?epochs=1&stage_epochs=1",
        "lora?epochs=1",
    ]
    how = {key: value for key, value in MASKS.items() if key != "backbone"}
    done = compare(shapes, methods=methods, backbones="toy", folds=2, out=tmp_path / "run", **how)
    entries = {entry.method: entry for entry in done.comparison.entries}
    assert {entry.role for entry in entries.values()} == {"no transfer", "frozen", "tuned"}
    assert all(not entry.failed and "miou" in entry.metrics for entry in entries.values())
    assert entries["head_only?epochs=2"].over_scratch is not None
    assert entries["finetune?epochs=1"].drift is not None


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"head": "unett"}, RecipeError, "unett"),
        ({"loss": "dise"}, RecipeError, "dise"),
        ({"recipe": "finetune?epochs=1", "head": "unet?depht=3"}, RecipeError, "depht"),
        ({"recipe": "probe"}, RecipeError, "closed form"),
        ({"task": "detect", "loss": "dice"}, DataError, "each detector has its own"),
        ({"size": 4}, BackboneError, "4 pixels"),
    ],
)
def test_what_cannot_be_is_an_error_before_anything_is_made(
    shapes: Path, tmp_path: Path, how: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fit(shapes, out=tmp_path / "run", **{**MASKS, **how})
    assert not (tmp_path / "run").exists()
