"""Large images become tiles, with what is marked in each."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from warmstart.data.annotations import Boxes, Legend, Mask, Outline
from warmstart.data.masks import class_indices, outline_pixels
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Dataset, Sample
from warmstart.data.tiling import KEPT, grid, tiled
from warmstart.errors import DataError
from warmstart.preprocess.cutting import Tile
from warmstart.preprocess.runs import runs


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)), st.integers(8, 90))
def test_a_grid_covers_the_image(size: tuple[int, int], side: int) -> None:
    covered = np.zeros(size[::-1], dtype=int)
    for left, top, right, bottom in grid(size, side):
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
        assert right - left == min(side, size[0])
        assert bottom - top == min(side, size[1])
        covered[top:bottom, left:right] += 1
    assert covered.min() >= 1


def scenes(folder: Path) -> Dataset:
    Image.new("RGB", (100, 60)).save(folder / "large.png")
    Image.new("RGB", (40, 40)).save(folder / "small.png")
    square = Outline((np.array([[2.0, 2.0], [12.0, 2.0], [12.0, 12.0], [2.0, 12.0]]),))
    far = Outline((np.array([[70.0, 30.0], [90.0, 30.0], [90.0, 50.0]]),))
    objects = Boxes(
        ("bee", "ant", "bee"),
        np.array([[2.0, 2, 12, 12], [70, 30, 90, 50], [45, 2, 53, 12]]),
        (square, far, None),
        (False, True, False),
        "annotations.json: image 1",
    )
    samples = (
        Sample("large.png", folder / "large.png", objects),
        Sample("small.png", folder / "small.png", Boxes((), np.zeros((0, 4)))),
    )
    return Dataset(samples, BoxTarget(("ant", "bee")))


def test_objects_go_to_the_tiles_that_hold_most_of_them(tmp_path: Path) -> None:
    found = tiled(scenes(tmp_path), 50)
    by_id = {sample.id: sample for sample in found.samples}
    assert list(by_id) == ["large.png[0,0]", "large.png[50,0]", "large.png[0,10]", "large.png[50,10]", "small.png"]
    first, fourth = by_id["large.png[0,0]"], by_id["large.png[50,10]"]
    assert isinstance(first.source, Tile)
    assert isinstance(first.label, Boxes)
    assert isinstance(fourth.label, Boxes)
    assert first.label.names == ("bee", "bee")
    assert first.label.xyxy.tolist() == [[2, 2, 12, 12], [45, 2, 50, 12]]  # the second is cut off at the edge
    assert first.label.outlines[0] is not None
    assert fourth.label.xyxy.tolist() == [[20, 20, 40, 40]]
    assert fourth.label.crowd == (True,)
    assert fourth.label.outlines[0] is not None
    assert fourth.label.outlines[0].polygons[0][0].tolist() == [20, 20]
    assert KEPT == 0.5
    assert {sample.group for sample in found.samples} == {"large.png", None}
    assert "2 images were cut into 5 tiles" in found.notes[-1]


def test_outlines_go_with_their_objects_whichever_way_they_are_written(tmp_path: Path) -> None:
    plain = scenes(tmp_path)
    (label,) = [sample.label for sample in plain.samples if sample.id == "large.png"]
    assert isinstance(label, Boxes)
    codes = []
    for outline in label.outlines[:2]:
        assert outline is not None
        codes.append(Outline(rle={"size": [60, 100], "counts": runs(outline_pixels(outline, (100, 60))).tolist()}))
    coded = dataclasses.replace(label, outlines=(*codes, None))
    other = dataclasses.replace(plain, samples=(dataclasses.replace(plain.samples[0], label=coded),))
    for one, two in zip(tiled(plain, 50).samples, tiled(other, 50).samples, strict=False):
        assert isinstance(one.label, Boxes)
        assert isinstance(two.label, Boxes)
        for first, second in zip(one.label.outlines, two.label.outlines, strict=True):
            if first is not None and second is not None:
                assert np.array_equal(outline_pixels(first, (50, 50)), outline_pixels(second, (50, 50)))
        assert [o is None for o in one.label.outlines] == [o is None for o in two.label.outlines]


def test_masks_are_told_which_part_is_meant(tmp_path: Path) -> None:
    Image.new("RGB", (100, 60)).save(tmp_path / "a.png")
    data = Dataset(
        (Sample("a", tmp_path / "a.png", Mask(tmp_path / "m.png"), group="site"),), MaskTarget(("sky", "sea"))
    )
    found = tiled(data, 60)
    assert [getattr(sample.label, "window", None) for sample in found.samples] == [(0, 0, 60, 60), (40, 0, 100, 60)]
    assert {sample.group for sample in found.samples} == {"site"}


def test_small_images_stay_as_they_are(tmp_path: Path) -> None:
    data = scenes(tmp_path)
    assert tiled(data, 100) is data


def test_tiles_that_are_no_use_and_images_in_memory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="tiles of 8 pixels"):
        tiled(scenes(tmp_path), 8)
    inside = Dataset((Sample("a", Image.new("RGB", (90, 90)), Boxes((), np.zeros((0, 4)))),), BoxTarget(("ant",)))
    with pytest.raises(DataError, match="lies in memory"):
        tiled(inside, 50)


@pytest.mark.parametrize("ending", ["png", "tif", "npy"])
def test_the_mask_of_a_tile_is_that_part_of_the_mask(ending: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 2, (60, 100)).astype(np.uint8)
    Image.new("RGB", (100, 60)).save(tmp_path / "a.png")
    path = tmp_path / f"m.{ending}"
    if ending == "npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)
    mask = Mask(path, Legend({0: "sky", 1: "sea"}))
    data = Dataset((Sample("a", tmp_path / "a.png", mask),), MaskTarget(("sea", "sky")))
    for sample in tiled(data, 60).samples:
        assert isinstance(sample.source, Tile)
        assert isinstance(sample.label, Mask)
        left, top, right, bottom = sample.source.box
        found = class_indices(sample.label, ("sea", "sky"), sample.source, sample.source.size)
        assert np.array_equal(found, 1 - values[top:bottom, left:right])
