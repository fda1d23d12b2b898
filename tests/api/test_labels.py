"""Labels that are no classes, of images and texts, from files on disk to answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.newsroom import news
from warmstart.api.compare import compare
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult, fit
from warmstart.api.plan import plan
from warmstart.api.predict import predict
from warmstart.errors import DataError
from warmstart.shipping.bundle import Bundle


def digits_table(folder: Path, labels: Any) -> Path:
    """A table of the digit images below `folder`, with what `labels` makes of each digit."""
    rows = [(path.relative_to(folder).as_posix(), labels(int(path.parent.name))) for path in sorted(folder.glob("*/*"))]
    table = folder / "table.csv"
    pd.DataFrame(rows, columns=["image", "label"]).to_csv(table, index=False)
    return table


def holes(digit: int) -> str:
    return "|".join([*(["round"] if digit in (0, 2) else []), *(["straight"] if digit in (1, 2) else [])])


@pytest.fixture
def several(digits_folder: Path, tmp_path: Path) -> FitResult:
    table = digits_table(digits_folder, holes)
    return fit(table, task="multilabel", backbone="lite0", size=32, recipe="probe", out=tmp_path / "run")


def test_images_with_several_labels_each_are_learned_and_told(several: FitResult, digits_folder: Path) -> None:
    outcome = several.outcome
    assert (outcome.task, outcome.metric, outcome.classes) == ("multilabel", "micro_f1", ("round", "straight"))
    assert outcome.test["micro_f1"].value > 0.8
    assert {row["name"] for row in outcome.per_class} == {"round", "straight"}
    assert outcome.verdict.startswith("Micro F1 is ")
    rows = predict(several.bundle, [str(path) for path in sorted(digits_folder.glob("2/*"))[:5]])
    assert sum(set(row["labels"]) == {"round", "straight"} for row in rows) >= 3
    assert set(rows[0]["probabilities"]) == {"round", "straight"}


def test_the_bundle_measures_itself_and_the_report_shows_what_it_answers(
    several: FitResult, digits_folder: Path
) -> None:
    found = evaluate(several.bundle, digits_folder / "table.csv")
    assert found["metrics"]["micro_f1"].value > 0.8
    assert found["confusion"] is None
    page = several.report.read_text(encoding="utf-8")
    assert "Label by label" in page
    assert "round, straight" in page
    assert "2 at most; 0 have none." in page
    assert Bundle.load(several.bundle).manifest.task == "multilabel"
    with pytest.raises(DataError, match="coverage"):
        predict(several.bundle, [str(next(digits_folder.glob("0/*")))], coverage=0.9)


def test_answers_with_several_labels_are_written_as_a_table(
    several: FitResult, digits_folder: Path, tmp_path: Path
) -> None:
    csv = tmp_path / "answers.csv"
    predict(several.bundle, [str(digits_folder / "0"), str(tmp_path / "missing.png")], out=csv)
    rows = pd.read_csv(csv)
    assert {"labels", "p(round)", "p(straight)"} <= {*rows.columns}
    assert "round" in json.loads(rows["labels"][0])
    assert rows["error"].notna().sum() == 1


def test_a_label_that_training_has_not_seen_is_named(several: FitResult, digits_folder: Path) -> None:
    digits_table(digits_folder, lambda digit: "square" if digit else "round")
    with pytest.raises(DataError, match="square"):
        evaluate(several.bundle, digits_folder / "table.csv")


def sentences(n: int) -> tuple[Sequence[str], Sequence[float]]:
    """How good a review is, by its words."""
    good, bad, made = ["great", "lovely", "superb", "fine"], ["awful", "poor", "boring", "weak"], []
    for i in range(n):
        praise, blame = i % 4, i // 4 % 4
        words = [*(good[(i + k) % 4] for k in range(praise)), *(bad[(3 * i + k) % 4] for k in range(blame))]
        text = f"A film with a {' and '.join(words) or 'plain'} story number {i}."
        made.append((text, 2.5 + 0.5 * (praise - blame) + i / 1000))
    return [text for text, _ in made], [stars for _, stars in made]


@pytest.fixture(scope="module")
def stars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts, values = sentences(96)
    table = tmp_path_factory.mktemp("stars") / "reviews.csv"
    pd.DataFrame({"review": texts, "stars": values}).to_csv(table, index=False)
    return table


def test_numbers_are_found_learned_and_answered_in_their_own_unit(stars: Path, tmp_path: Path) -> None:
    done = fit(stars, recipe="probe", size=32, out=tmp_path / "run")
    outcome = done.outcome
    assert (outcome.task, outcome.metric, outcome.classes) == ("regress", "r2", ("stars",))
    assert any("read as numbers" in decision for decision in outcome.decisions)
    assert outcome.test["r2"].value > 0.5
    assert len(outcome.pairs) == outcome.split["test"]
    better, worse = done.predict(
        ["A film with a great and lovely and superb story.", "A film with a weak and poor story."]
    )
    assert 0 < worse["value"] < better["value"] < 6
    assert evaluate(done.bundle, stars)["metrics"]["mae"].value < 1
    page = done.report.read_text(encoding="utf-8")
    assert "on the dashed line the answer is right" in page
    assert "half of all lie between" in page


def test_methods_are_compared_on_numbers_by_the_same_folds(stars: Path, tmp_path: Path) -> None:
    done = compare(stars, methods="tfidf,probe", folds=3, size=32, budget="5m", out=tmp_path / "run")
    found = done.comparison
    assert (found.metric, found.task) == ("r2", "regress")
    assert {entry.name for entry in found.entries} == {"tfidf", "probe"}
    assert all(entry.metrics["r2"].low < entry.metrics["r2"].value for entry in found.entries)
    assert "R²" in done.report.read_text(encoding="utf-8")


@pytest.mark.slow
def test_texts_with_lists_of_labels_are_several_labels_without_being_told(tmp_path: Path) -> None:
    rows = [
        {"text": text, "labels": [label] if i % 3 else [label, "third"]} for i, (text, label) in enumerate(news(20))
    ]
    table = tmp_path / "news.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert "micro_f1" in fit(table, recipe="probe", size=32, out=tmp_path / "run").outcome.test
    assert plan(table, recipe="probe", size=32).data.outputs == 4


def test_a_task_that_data_do_not_pose_is_refused(stars: Path, digits_folder: Path) -> None:
    with pytest.raises(DataError):
        fit(stars, task="tag")
    with pytest.raises(DataError, match="for images"):
        fit(digits_folder, task="generate", backbone="lite0")
