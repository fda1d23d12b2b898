"""Rows 42 and 43: series, boxes and masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.faults.ways import Way


def series(path: Path, change: str) -> Path:
    """Forty short series of two kinds in a wide table, with something odd about a few."""
    rng = np.random.default_rng(0)
    rows = [
        [*np.round(np.sin(np.arange(24) * (1 + i % 2)) + 0.1 * rng.normal(size=24), 4), "ab"[i % 2]] for i in range(40)
    ]
    if change == "missing":
        rows[3][5] = rows[4][6] = ""
    elif change == "infinite":
        rows[3][5] = "inf"
    elif change == "constant":
        rows[3][:24] = [1.0] * 24
    elif change == "short":
        for i in (3, 4):
            rows[i][12:24] = [""] * 12
    lines = [",".join([*(f"t{i}" for i in range(24)), "label"]), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


RULES = {
    "missing": "2 series have missing values, which are filled in between their neighbours in time",
    "infinite": "1 series have infinite values, which are taken as missing",
    "constant": "1 series are constant, and are read as zeros where values are scaled",
    "short": "2 series end with missing values, which are taken as padding: each ends at its last value",
}


@pytest.mark.parametrize("change", RULES)
def test_42_series_that_are_not_whole_are_read_by_a_stated_rule(change: str, way: Way, tmp_path: Path) -> None:
    assert RULES[change] in way("check", series(tmp_path / "series.csv", change)).result["problems"]
    assert way("check", series(tmp_path / "clean.csv", "")).result["problems"] == [
        "the values are read from t0, t1, ... t23 (24 columns)"
    ]


BOXES = {
    "outside": ([90, 90, 40, 40], "beyond"),
    "inverted": ([50, 50, -10, 10], "box"),
    "empty": ([50, 50, 0, 10], "box"),
    "far": ([500, 500, 10, 10], "outside"),
}


@pytest.mark.parametrize("kind", BOXES)
def test_43_boxes_that_cannot_be_are_named_with_their_file(kind: str, way: Way, tmp_path: Path) -> None:
    box, word = BOXES[kind]
    root = tmp_path / "cars"
    root.mkdir()
    for i in range(4):
        Image.new("RGB", (100, 100), (i * 40, 90, 120)).save(root / f"{i}.png")
    whole = [{"id": i, "image_id": i, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400} for i in range(3)]
    content = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 100, "height": 100} for i in range(4)],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [*whole, {"id": 9, "image_id": 1, "category_id": 1, "bbox": box, "area": 1}],
    }
    (root / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    said = way("check", root)
    assert said.told("1.png") or said.told("annotation")
    assert said.told(word)
    assert said.code == 0  # the last image has no box: that is legal


def test_43_mask_values_that_are_no_classes_are_named(way: Way, tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / "aerial" / name).mkdir(parents=True)
    for i in range(4):
        Image.new("RGB", (32, 32), (i * 40, 90, 120)).save(tmp_path / "aerial" / "images" / f"{i}.png")
        mask = np.zeros((32, 32), np.uint8)
        mask[8:16] = 1
        mask[20, 20] = 77 if i == 2 else 0
        Image.fromarray(mask).save(tmp_path / "aerial" / "masks" / f"{i}.png")
    (tmp_path / "aerial" / "classes.txt").write_text("ground\nroof\n", encoding="utf-8")
    said = way("check", tmp_path / "aerial")
    assert said.told("77")
    assert said.told("2.png")
