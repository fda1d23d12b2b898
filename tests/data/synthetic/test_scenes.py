from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from warmstart.data.masks import outline_pixels
from warmstart.data.synthetic.scenes import SHAPES, generate_scenes, scene, write_scenes
from warmstart.errors import DataError


def test_a_scene_depends_on_seed_and_number_alone() -> None:
    first, again, other = scene(3, seed=1), scene(3, seed=1), scene(3, seed=2)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.boxes.xyxy, again.boxes.xyxy)
    assert not np.array_equal(first.image, other.image)
    assert np.array_equal(generate_scenes(5, "detect", seed=1).samples[3].source, first.image)


def test_boxes_outlines_and_masks_tell_the_same() -> None:
    shown = 0
    for k in range(20):
        made = scene(k)
        drawn = np.zeros_like(made.mask)
        for name, outline, box in zip(made.boxes.names, made.boxes.outlines, made.boxes.xyxy, strict=True):
            assert outline is not None
            pixels = outline_pixels(outline, (160, 120)).astype(bool)
            drawn[pixels] = SHAPES.index(name) + 1
            ys, xs = np.nonzero(pixels)
            assert np.abs(np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) - box).max() < 2
            shown += 1
        assert np.mean(drawn != made.mask) < 0.01
    assert shown > 20


def test_shapes_stand_out_from_the_ground() -> None:
    for k in range(10):
        made = scene(k)
        for value in np.unique(made.mask)[1:]:
            inside = made.image[made.mask == value].mean(0)
            assert np.abs(inside - made.image[made.mask == 0].mean(0)).sum() > 40


def test_written_scenes_are_coco_and_masks(tmp_path: Path) -> None:
    root = write_scenes(tmp_path / "scenes", 6, seed=4, size=(64, 48), most=2)
    facts = json.loads((root / "annotations.json").read_text())
    assert [each["name"] for each in facts["categories"]] == list(SHAPES)
    assert len(facts["images"]) == len(list((root / "masks").iterdir())) == 6
    expected = scene(2, seed=4, size=(64, 48), most=2)
    mine = [each for each in facts["annotations"] if each["image_id"] == 3]
    assert [SHAPES[each["category_id"] - 1] for each in mine] == list(expected.boxes.names)
    with Image.open(root / "masks" / "00002.png") as mask, Image.open(root / "images" / "00002.png") as image:
        assert np.array_equal(np.asarray(mask), expected.mask)
        assert np.array_equal(np.asarray(image), expected.image)


def test_no_scenes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 scenes"):
        write_scenes(tmp_path, 0)
