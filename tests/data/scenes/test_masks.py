from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from warmstart.data.annotations import Boxes, Legend, Mask, Outline
from warmstart.data.masks import class_indices
from warmstart.errors import DataError, MissingExtraError

VALUES = np.array([[0, 0, 1], [2, 1, 9]], np.uint8)
CLASSES = ("road", "car", "tree")
LEGEND = Legend({0: "tree", 1: "road", 2: "car", 9: None})
EXPECTED = [[2, 2, 0], [1, 0, 255]]
COLOURS = {0: (10, 20, 30), 1: (0, 0, 0), 2: (255, 255, 255), 9: (1, 0, 0)}
BY_COLOUR = Legend({colour: LEGEND.names[value] for value, colour in COLOURS.items()})
COLOURED = np.array([[COLOURS[int(v)] for v in row] for row in VALUES], np.uint8)


def indices(mask: Mask) -> list[list[int]]:
    found: list[list[int]] = class_indices(mask, CLASSES, None, (3, 2)).tolist()
    return found


def palette(folder: Path) -> Path:
    image = Image.fromarray(VALUES, mode="P")
    image.putpalette([c for i in range(256) for c in COLOURS.get(i, (0, 0, 0))])
    image.save(folder / "p.png")
    return folder / "p.png"


def test_values_become_classes_by_name_however_they_are_stored(tmp_path: Path) -> None:
    Image.fromarray(VALUES).save(tmp_path / "grey.png")
    Image.fromarray(np.repeat(VALUES[..., None], 3, 2)).save(tmp_path / "grey-rgb.png")
    Image.fromarray(VALUES.astype(np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(VALUES).save(tmp_path / "grey.tif")
    np.save(tmp_path / "a.npy", VALUES)
    for name in ("grey.png", "grey-rgb.png", "deep.png", "grey.tif", "a.npy"):
        assert indices(Mask(tmp_path / name, LEGEND)) == EXPECTED, name
    assert indices(Mask(palette(tmp_path), LEGEND)) == EXPECTED
    assert indices(Mask(VALUES, LEGEND)) == EXPECTED


def test_colours_become_classes_by_name(tmp_path: Path) -> None:
    Image.fromarray(COLOURED).save(tmp_path / "c.png")
    Image.fromarray(COLOURED).convert("RGBA").save(tmp_path / "a.png")
    for source in (tmp_path / "c.png", tmp_path / "a.png", palette(tmp_path), COLOURED):
        assert indices(Mask(source, BY_COLOUR)) == EXPECTED


def test_black_and_white_are_0_and_255(tmp_path: Path) -> None:
    Image.fromarray(VALUES > 0).save(tmp_path / "b.png")
    found = indices(Mask(tmp_path / "b.png", Legend({0: "road", 255: "tree"})))
    assert found == [[0, 0, 2], [2, 2, 2]]


def test_values_without_a_name_are_an_error_that_says_which_and_where(tmp_path: Path) -> None:
    Image.fromarray(VALUES).save(tmp_path / "grey.png")
    with pytest.raises(DataError, match=r"(?s)grey.png.*2 pixels.* 1.*0: tree, 2: car, 9: ignored"):
        indices(Mask(tmp_path / "grey.png", Legend({0: "tree", 2: "car", 9: None})))
    with pytest.raises(DataError, match=r"\(255, 255, 255\)"):
        indices(Mask(COLOURED, Legend({k: v for k, v in BY_COLOUR.names.items() if v != "car"})))
    with pytest.raises(DataError, match="'bus'"):
        indices(Mask(VALUES, Legend({**LEGEND.names, 2: "bus"}), where="x.png"))


def test_outlines_are_filled_later_ones_on_top() -> None:
    square = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    outlines = (Outline((square,)), Outline(rle={"size": [2, 3], "counts": [2, 2, 2]}))
    boxes = Boxes(("road", "car"), np.zeros((2, 4)), outlines)
    assert indices(Mask(boxes, background="tree")) == [[0, 1, 2], [0, 1, 2]]
    hole = Boxes(("road",), np.zeros((1, 4)), (None,))
    with pytest.raises(DataError, match="no outline"):
        indices(Mask(hole, background="tree"))
    other = Boxes(("road",), np.zeros((1, 4)), (Outline(rle={"size": [5, 3], "counts": [15]}),))
    with pytest.raises(DataError, match=r"(?s)a.json.*3 x 5.*3 x 2"):
        indices(Mask(other, background="tree", where="a.json"))


def test_without_pycocotools_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    boxes = Boxes(("road",), np.zeros((1, 4)), (Outline(),))
    with pytest.raises(MissingExtraError, match=r"warmstart\[detect\]"):
        indices(Mask(boxes, background="tree"))
