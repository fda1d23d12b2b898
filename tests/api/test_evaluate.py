from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult
from warmstart.errors import DataError


def table(folder: Path, classes: str) -> pd.DataFrame:
    files = [file for name in classes for file in sorted((folder / name).iterdir())]
    return pd.DataFrame({"path": [str(f) for f in files], "label": [f.parent.name for f in files]})


def test_the_numbers_are_those_of_the_predictions(fitted: FitResult, digits_folder: Path) -> None:
    found = evaluate(fitted.bundle, digits_folder)
    rows = fitted.predict(sorted(digits_folder.rglob("*.png")))
    right = np.mean([row["label"] == Path(row["input"]).parent.name for row in rows])
    accuracy = found["metrics"]["accuracy"]
    assert accuracy.value == pytest.approx(right)
    assert accuracy.low <= accuracy.value <= accuracy.high
    assert (found["n"], found["part"], found["unreadable"]) == (60, "all", [])
    assert np.array(found["confusion"]).sum(axis=1).tolist() == [20, 20, 20]
    assert 0 <= found["ece"] <= 1


def test_classes_are_mapped_by_name_whatever_their_order_and_number(fitted: FitResult, digits_folder: Path) -> None:
    whole = evaluate(fitted.bundle, digits_folder)
    turned = evaluate(fitted.bundle, table(digits_folder, "210"))
    assert turned["classes"] == ["0", "1", "2"]
    assert turned["confusion"] == whole["confusion"]
    some = evaluate(fitted.bundle, table(digits_folder, "21"))
    assert some["confusion"] == [[0, 0, 0], *whole["confusion"][1:]]
    shutil.rmtree(digits_folder / "0")
    assert evaluate(fitted.bundle, digits_folder)["confusion"] == some["confusion"]


def test_a_class_the_bundle_does_not_know_is_an_error_with_the_nearest_names(
    fitted: FitResult, digits_folder: Path
) -> None:
    (digits_folder / "1").rename(digits_folder / "11")
    with pytest.raises(DataError, match="'11'") as caught:
        evaluate(fitted.bundle, digits_folder)
    assert "'1'" in caught.value.expected


def test_where_there_is_a_test_part_only_that_is_used(fitted: FitResult, digits_folder: Path) -> None:
    root = digits_folder.parent / "parts"
    for name in "012":
        for part, some in (("train", slice(0, 12)), ("test", slice(12, 20))):
            (root / part / name).mkdir(parents=True)
            for file in sorted((digits_folder / name).iterdir())[some]:
                shutil.copy(file, root / part / name)
    found = evaluate(fitted.bundle, root)
    assert (found["n"], found["part"]) == (24, "test")


def test_what_cannot_be_read_is_named_and_not_counted(fitted: FitResult, digits_folder: Path) -> None:
    victim = sorted((digits_folder / "2").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:50])
    found = evaluate(fitted.bundle, digits_folder)
    assert found["unreadable"] == [f"2/{victim.name}"]
    assert found["n"] == 59
    for file in digits_folder.rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(DataError, match=r"none of the \d+ samples can be read"):
        evaluate(fitted.bundle, digits_folder)


def test_images_in_memory_are_evaluated_too(fitted: FitResult, digits_folder: Path) -> None:
    files = sorted(digits_folder.rglob("*.png"))
    data = ([Image.open(file) for file in files], [file.parent.name for file in files])
    assert evaluate(fitted.bundle, data)["confusion"] == evaluate(fitted.bundle, digits_folder)["confusion"]
