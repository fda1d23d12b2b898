"""Several tasks from a table of images to answers, and whether they gain by sharing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.api.helpers import quick
from warmstart.api.check import check
from warmstart.api.compare import compare
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult
from warmstart.api.predict import predict
from warmstart.data.several import SeveralTarget
from warmstart.errors import RecipeError, RunError
from warmstart.report.html import report_html
from warmstart.shipping.bundle import Bundle

COLUMNS: dict[str, Any] = {"label_column": "kind,size"}
TUNE = "lp_ft?epochs=1&from_block=-1"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images whose red tells a class, of which every ninth is missing, and whose blue tells a number, every third."""
    folder, rng = tmp_path_factory.mktemp("several"), np.random.default_rng(0)
    rows = []
    for i in range(90):
        kind, size = i % 2, float(rng.random())
        image = rng.integers(0, 80, (24, 24, 3))
        image[..., 0] += 90 * kind
        image[..., 2] += int(150 * size)
        Image.fromarray(image.astype(np.uint8)).save(folder / f"{i}.png")
        rows.append((f"{i}.png", "" if i % 9 == 1 else "ab"[kind], "" if i % 3 == 0 else round(50 * size, 2)))
    pd.DataFrame(rows, columns=["image", "kind", "size"]).to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    out = tmp_path_factory.mktemp("runs") / "run"
    return quick(table, out, recipe=TUNE, baseline="single", cache=out.parent / "cache", **COLUMNS)


def test_each_task_is_told_by_itself_and_beside_itself_alone(run: FitResult) -> None:
    outcome = run.outcome
    assert (outcome.task, outcome.metric) == ("several", "mean_of_tasks")
    kind, size = outcome.by_task
    assert (kind.task, size.task) == ("classify", "regress")
    assert kind.metrics["accuracy"].value > 0.8
    assert size.known < outcome.split["test"]
    assert kind.confusion
    assert size.pairs
    assert [one.name for one in outcome.shared] == ["kind", "size"]
    assert {one.verdict for one in outcome.shared} <= {"helped", "harmed", "no difference that this data can show"}
    page = report_html(outcome)
    assert "What each task gains by sharing" in page
    assert "Task: size" in page
    assert "2 tasks: kind, size" in page


def test_the_bundle_answers_every_task_and_counts_them(run: FitResult, table: Path, tmp_path: Path) -> None:
    images = [str(table.parent / f"{i}.png") for i in (4, 5)]
    rows = predict(run.bundle, images)
    predict(run.bundle, images, out=tmp_path / "answers.csv")
    assert [row["answers"]["kind"]["label"] for row in rows] == ["a", "b"]
    assert set(rows[0]["answers"]["kind"]["probabilities"]) == {"a", "b"}
    assert isinstance(rows[0]["answers"]["size"]["value"], float)
    written = pd.read_csv(tmp_path / "answers.csv")
    assert list(written.columns[:4]) == ["input", "kind", "kind probability", "size"]
    target = Bundle.load(run.bundle).manifest.target
    assert isinstance(target, SeveralTarget)
    assert target.names == ("kind", "size")
    found = evaluate(run.bundle, table, **COLUMNS)
    assert found["metrics"]["kind/accuracy"].value > 0.8
    assert {"size/r2", "mean_of_tasks"} <= set(found["metrics"])
    assert json.loads((run.bundle / "bundle.json").read_text())["several"]["parts"][1]["task"] == "regress"


def test_a_check_counts_the_labels_of_each_task(table: Path) -> None:
    found = check(table, **COLUMNS)
    assert found.facts["size"]["known"] == 60
    assert found.facts["kind"]["counts"] == {"a": 40, "b": 40}


def test_methods_are_compared_with_each_task_alone(table: Path, tmp_path: Path) -> None:
    result = compare(
        table, methods=f"{TUNE},single:{TUNE}", backbones="toy", folds=2, out=tmp_path / "run", cache=tmp_path / "c",
        **COLUMNS,
    )  # fmt: skip
    facts = result.comparison
    assert [entry.name for entry in facts.entries] == [TUNE, f"single:{TUNE}"]
    assert not any(entry.failed for entry in facts.entries)
    assert facts.sharing == TUNE
    assert [one.name for one in facts.shared] == ["kind", "size"]
    assert "What each task gains by sharing" in result.report.read_text()


def test_training_alone_is_refused_where_there_is_one_task(table: Path, tmp_path: Path) -> None:
    one: dict[str, Any] = {"label_column": "size", "task": "regress"}
    frame = pd.read_csv(table).dropna().assign(image=lambda rows: [str(table.parent / name) for name in rows["image"]])
    with pytest.raises(RunError, match="baseline single"):
        quick(frame, tmp_path / "run", baseline="single", **one)
    with pytest.raises(RecipeError, match="single:probe"):
        compare(frame, methods="single:probe", backbones="toy", out=tmp_path / "other", **one)
