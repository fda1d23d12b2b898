from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.api.helpers import contents
from warmstart.api.fit import FitResult
from warmstart.api.predict import predict
from warmstart.engine.events import Advanced, Decided, Event
from warmstart.errors import BundleError, DataError, WarmstartError


def test_a_missing_and_an_unreadable_file_have_a_row_with_the_error_and_the_others_an_answer(
    fitted: FitResult, digits_folder: Path
) -> None:
    good = sorted((digits_folder / "1").iterdir())[0]
    torn = good.with_name("torn.png")
    torn.write_bytes(good.read_bytes()[:60])
    text = digits_folder / "notes.txt"
    text.write_text("no image")
    rows = predict(fitted.bundle, [digits_folder / "missing.png", good, torn, text])
    assert [row["input"].rpartition("/")[2] for row in rows] == ["missing.png", good.name, "torn.png", "notes.txt"]
    assert [row["label"] is None for row in rows] == [True, False, True, True]
    assert [row["error"] is None for row in rows] == [False, True, False, False]
    assert "missing.png" in rows[0]["error"]


def test_the_user_can_ask_to_stop_at_the_first_error(fitted: FitResult, digits_folder: Path) -> None:
    with pytest.raises(WarmstartError, match=r"missing\.png"):
        predict(fitted.bundle, [digits_folder / "missing.png"], on_error="stop")


def test_the_csv_says_what_the_rows_say(fitted: FitResult, digits_folder: Path, tmp_path: Path) -> None:
    files = [*sorted((digits_folder / "2").iterdir())[:3], digits_folder / "missing, with comma.png"]
    table = tmp_path / "new" / "answers.csv"
    rows = predict(fitted.bundle, files)
    predict(fitted.bundle, files, out=table)
    with table.open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == [
        "input",
        "label",
        "probability",
        "unknown",
        "distance",
        *("p(0)", "p(1)", "p(2)"),
        "error",
    ]
    for row, line in zip(rows, read, strict=True):
        assert line["input"] == row["input"]
        assert line["label"] == (row["label"] or "")
        assert line["error"] == (row["error"] or "")
        assert line["unknown"] == ("" if row["unknown"] is None else str(row["unknown"]))
        for name, probability in (row["probabilities"] or {}).items():
            assert float(line[f"p({name})"]) == pytest.approx(probability)
    assert [bool(line["error"]) for line in read] == [False, False, False, True]


def test_a_folder_one_file_arrays_and_pil_images_are_all_answered_alike(fitted: FitResult, digits_folder: Path) -> None:
    file = sorted((digits_folder / "0").iterdir())[0]
    image = Image.open(file)
    rows = [
        predict(fitted.bundle, given)[0]["probabilities"]
        for given in (digits_folder / "0", file, [image], [np.asarray(image)], file.read_bytes())
    ]
    assert all(row == pytest.approx(rows[0], abs=1e-5) for row in rows)


def test_the_batch_size_changes_no_answer_and_progress_counts_every_input(
    fitted: FitResult, digits_folder: Path
) -> None:
    told: list[Event] = []
    one = predict(fitted.bundle, digits_folder, batch_size=1)
    many = predict(fitted.bundle, digits_folder, batch_size=64, listener=told.append)
    for a, b in zip(one, many, strict=True):
        assert a["label"] == b["label"]
        assert a["probabilities"] == pytest.approx(b["probabilities"], abs=1e-5)
    assert sum(event.n for event in told if isinstance(event, Advanced)) == 60


def test_nothing_to_predict_and_no_bundle_are_errors(fitted: FitResult, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        predict(fitted.bundle, [])
    with pytest.raises(BundleError, match="is no bundle"):
        predict(tmp_path, ["a.png"])


def apart(a: Sequence[dict[str, Any]], b: Sequence[dict[str, Any]]) -> float:
    """The largest difference of a probability."""
    pairs = zip(a, b, strict=True)
    return max(float(abs(p - q["probabilities"][name])) for o, q in pairs for name, p in o["probabilities"].items())


def test_a_bundle_is_adapted_to_its_inputs_in_memory_alone_and_the_answer_says_so(
    fitted: FitResult, digits_folder: Path
) -> None:
    told: list[Event] = []
    before, files = contents(fitted.bundle), sorted(digits_folder.rglob("*.png"))
    plain, both = predict(fitted.bundle, files), predict(fitted.bundle, files, adapt="tent", listener=told.append)
    again, fewer = predict(fitted.bundle, files, adapt="tent"), predict(fitted.bundle, files[:9], adapt="tent")
    assert contents(fitted.bundle) == before
    assert [row["probabilities"] for row in both] == [row["probabilities"] for row in again]
    assert apart(both, plain) > 1e-4
    assert apart(both[:9], fewer) > 1e-4
    assert {row["adapted"] for row in both} == {f"tent, to {len(files)} inputs together"}
    assert {row["unknown"] for row in both} == {None}
    assert "adapted" not in plain[0]
    said = [event.text for event in told if isinstance(event, Decided)]
    assert any("depends on the others" in text for text in said)
    # the recipe tuned under the statistics of the pretraining, for which those of the inputs cannot stand in
    assert any(text.startswith("tent: scales and shifts of normalisation") for text in said)


def test_sets_of_classes_are_refused_of_a_network_that_is_adapted(fitted: FitResult, digits_folder: Path) -> None:
    with pytest.raises(DataError, match="adapted to the inputs"):
        predict(fitted.bundle, digits_folder, adapt="tent", coverage=0.8)
