"""Groups from the data to the words: figures rest on them, and every command says on how many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.api.helpers import quick
from warmstart.api.compare import compare
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult
from warmstart.data.synthetic.scenes import write_scenes
from warmstart.engine.events import Decided, Event
from warmstart.errors import DataError
from warmstart.evaluation.outcome import Outcome
from warmstart.evaluation.units import Independent
from warmstart.report import words
from warmstart.report.results import read_results


@pytest.fixture(scope="module")
def table(_digits_once: Path) -> pd.DataFrame:
    files = sorted(_digits_once.rglob("*.png"))
    patients = [f"patient {i % 15}" for i in range(len(files))]
    return pd.DataFrame({"path": [str(f) for f in files], "label": [f.parent.name for f in files], "patient": patients})


@pytest.fixture(scope="module")
def grouped(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    return quick(table, tmp_path_factory.mktemp("grouped") / "run", group="patient")


def test_a_fit_says_on_how_many_groups_its_figures_rest(grouped: FitResult) -> None:
    outcome = grouped.outcome
    rests = outcome.independent
    assert rests is not None
    assert (rests.of, rests.samples) == ("groups", outcome.split["test"])
    assert 1 < rests.units < rests.samples
    on = f"{rests.samples} test images of {rests.units} independent groups"
    assert on in outcome.verdict
    assert f"independent units: {rests.units} groups ({rests.samples} images)" in words.headline(outcome)
    assert f"independent units: {rests.units} groups" in grouped.report.read_text()
    assert f"independent units: {rests.units} groups" in (grouped.bundle / "README.md").read_text()
    assert read_results(grouped.folder / "results.json", Outcome).independent == rests


def test_without_groups_nothing_is_said_of_units(fitted: FitResult) -> None:
    assert fitted.outcome.independent is None
    assert "independent" not in fitted.outcome.verdict
    assert "independent units" not in fitted.report.read_text()


def test_evaluate_takes_the_groups_that_it_is_told_of(grouped: FitResult, table: pd.DataFrame) -> None:
    plain, found = evaluate(grouped.bundle, table), evaluate(grouped.bundle, table, group="patient")
    assert plain["independent"] is None
    assert found["independent"] == Independent(15, "groups", 60, "images")
    assert {name: one.value for name, one in found["metrics"].items()} == pytest.approx(
        {name: one.value for name, one in plain["metrics"].items()}
    )
    assert found["metrics"]["accuracy"] != plain["metrics"]["accuracy"]
    alone = evaluate(grouped.bundle, table.assign(patient="one"), group="patient")
    assert alone["independent"].units == 1
    assert (alone["metrics"]["accuracy"].low, alone["metrics"]["accuracy"].high) == (0.0, 1.0)


def test_a_comparison_rests_on_groups_too(table: pd.DataFrame, tmp_path: Path) -> None:
    how: dict[str, Any] = {"backbones": "toy", "folds": 2, "budget": "5m", "out": tmp_path / "run"}
    found = compare(table, methods="pixels,probe", group="patient", **how).comparison
    assert found.independent == Independent(15, "groups", 60, "images")
    assert "60 held-out samples of 15 independent groups" in found.verdict
    assert "independent units: 15 groups (60 images)" in (tmp_path / "run" / "report.html").read_text()


def test_tiles_count_by_their_images_and_masks_are_measured_at_the_size_of_these(tmp_path: Path) -> None:
    shapes = write_scenes(tmp_path / "shapes", 12, size=(72, 48), most=2)
    how: dict[str, Any] = {"task": "segment", "size": 32, "tile": 40, "recipe": "head_only?epochs=1"}
    done = quick(shapes, tmp_path / "run", **how)
    rests, outcome = done.outcome.independent, done.outcome
    assert rests is not None
    assert (rests.of, rests.called, rests.samples) == ("images", "tiles", outcome.split["test"])
    assert outcome.stored_size.keys() == outcome.test.keys()
    assert (
        "at 32 px, as the network sees tiles; at the size of the images as they are stored mean IoU is"
        in outcome.verdict
    )
    found = evaluate(done.bundle, shapes)
    assert (found["n"], found["independent"]) == (12, None)


def test_what_is_missing_is_left_out_where_that_is_asked_for(table: pd.DataFrame, tmp_path: Path) -> None:
    rows = table.assign(label=["", *table["label"][1:]])
    with pytest.raises(DataError) as error:
        quick(rows, tmp_path / "run")
    assert "--on-missing skip" in error.value.do
    told: list[Event] = []
    done = quick(rows, tmp_path / "other", on_missing="skip", listener=told.append)
    assert sum(done.outcome.split[part] for part in ("train", "val", "test")) == 59
    assert any("left out" in event.text for event in told if isinstance(event, Decided))
