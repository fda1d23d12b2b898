"""Masks in which every object has a number of its own are read as boxes with outlines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import warmstart
from tests.data.scenes.conftest import SIZE, image, write
from warmstart.api.check import check
from warmstart.data.masks import class_indices, outline_pixels
from warmstart.data.scenes import boxes_of, mask_of
from warmstart.data.sources import load
from warmstart.errors import DataError


def numbered(path: Path, objects: dict[int, tuple[int, int, int, int]]) -> npt.NDArray[np.uint16]:
    """A mask of 16 bits with rectangles (left, upper, right, lower) of these numbers."""
    values = np.zeros(SIZE[::-1], np.uint16)
    for number, (left, upper, right, lower) in objects.items():
        values[upper:lower, left:right] = number
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return values


def folder(root: Path, name: str = "instances") -> dict[str, npt.NDArray[np.uint16]]:
    """Two images; in the second an object is in two pieces and lies below another."""
    for stem in ("a", "b"):
        image(root / "images" / f"{stem}.jpg")
    first = numbered(root / name / "a.png", {1: (2, 3, 12, 9), 300: (20, 10, 30, 25)})
    second = numbered(root / name / "b.png", {1: (0, 5, 40, 10), 2: (15, 0, 20, 30)})
    return {"images/a.jpg": first, "images/b.jpg": second}


def test_classes_of_numbers_in_all_masks(tmp_path: Path) -> None:
    stored = folder(tmp_path)
    write(tmp_path / "instances.json", json.dumps({"1": "ant", "2": "bee", "300": None}))
    data = load(tmp_path)
    assert (data.target.kind, data.target.classes, data.notes) == ("detect", ("ant", "bee"), ())
    assert [boxes_of(sample.label).names for sample in data.samples] == [("ant",), ("ant", "bee")]
    assert boxes_of(data.samples[1].label).xyxy.tolist() == [[0, 5, 40, 10], [15, 0, 20, 30]]
    for sample in data.samples:
        for number, outline in enumerate(boxes_of(sample.label).outlines, start=1):
            assert outline is not None
            np.testing.assert_array_equal(outline_pixels(outline, SIZE), stored[sample.id] == number)


def test_classes_of_numbers_in_each_mask_and_as_a_class_for_every_pixel(tmp_path: Path) -> None:
    folder(tmp_path)
    said = {"a.png": {"1": "ant", "300": "bee"}, "b": {"1": "bee", "2": "ant"}}
    write(tmp_path / "instances" / "instances.json", json.dumps(said))
    assert [boxes_of(sample.label).names for sample in load(tmp_path).samples] == [("ant", "bee"), ("bee", "ant")]
    data = load(tmp_path, task="segment")
    found = class_indices(mask_of(data.samples[0].label), data.target.classes, data.samples[0].source, SIZE)
    assert data.target.classes == ("background", "ant", "bee")
    assert (found[5, 5], found[20, 25], found[0, 0]) == (1, 2, 0)


def test_a_class_times_1000_and_a_number(tmp_path: Path) -> None:
    """As Cityscapes has it: 26001 is the first car, 26 a group of cars, 7 the road."""
    town = tmp_path / "gtFine" / "val" / "ulm"
    image(tmp_path / "leftImg8bit" / "val" / "ulm" / "ulm_1_leftImg8bit.png")
    objects = {7: (0, 20, 40, 30), 26: (20, 5, 30, 10), 26001: (2, 3, 12, 9), 24000: (15, 0, 17, 20)}
    numbered(town / "ulm_1_gtFine_instanceIds.png", objects)
    numbered(town / "ulm_1_gtFine_labelIds.png", {7: (0, 20, 40, 30)})
    write(tmp_path / "legend.json", json.dumps({"road": 7, "person": 24, "car": 26}))
    data = load(tmp_path, task="detect")
    (sample,) = data.samples
    label = boxes_of(sample.label)
    assert (label.names, label.crowd) == (("car", "person", "car"), (True, False, False))
    assert (sample.split, data.target.classes) == ("val", ("car", "person"))
    assert load(tmp_path, on_missing="skip").target.kind == "segment"


def test_without_names_numbers_are_the_names(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    numbered(tmp_path / "instances" / "a.png", {3001: (2, 3, 12, 9), 5001: (20, 3, 30, 9)})
    data = load(tmp_path)
    assert data.target.classes == ("3", "5")
    assert data.notes[0].startswith("nothing names the classes of the objects: they are called 3, 5")


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    folder(tmp_path)
    with pytest.raises(DataError, match=r"the numbers 1, 2, 300, and nothing says of which class each is") as raised:
        load(tmp_path)
    assert "instances.json" in str(raised.value)
    write(tmp_path / "instances.json", json.dumps({"1": "ant"}))
    image(tmp_path / "images" / "c.png")
    numbered(tmp_path / "instances" / "d.png", {1: (2, 3, 12, 9)})
    Image.new("L", (7, 7), 1).save(tmp_path / "instances" / "c.png")
    with pytest.raises(DataError) as raised:
        load(tmp_path)
    for what in (
        "2 object(s) of a number that no class is known of: instances/a.png (number 300), instances/b.png (number 2)",
        "1 mask(s) of an image that is not there: instances/d.png",
        "1 mask(s) of another size than their image: instances/c.png (7 x 7, and its image 40 x 30)",
    ):
        assert what in raised.value.found
    assert [sample.id for sample in load(tmp_path, on_missing="skip").samples] == ["images/a.jpg", "images/b.jpg"]
    write(tmp_path / "instances.json", json.dumps({"1": "ant", "a.png": {}}))
    with pytest.raises(DataError, match="has numbers and masks"):
        load(tmp_path)


def test_check_counts_objects_and_outlines(tmp_path: Path) -> None:
    folder(tmp_path)
    write(tmp_path / "instances.json", json.dumps({"1": "ant", "2": "bee", "300": "bee"}))
    found = check(tmp_path)
    assert (found.facts["objects"], found.facts["outlines"]) == ({"ant": 2, "bee": 2}, 4)


@pytest.mark.slow
def test_outlines_are_learned_from_such_masks(tmp_path: Path) -> None:
    from warmstart.data.synthetic.scenes import write_scenes

    place = write_scenes(tmp_path / "shapes", 10, size=(48, 36), most=2)
    said = json.loads((place / "annotations.json").read_text())
    (place / "annotations.json").unlink()
    names = {each["id"]: each["name"] for each in said["categories"]}
    classes: dict[str, dict[str, str]] = {}
    for one in said["images"]:
        stem = Path(one["file_name"]).stem
        marks = [mark for mark in said["annotations"] if mark["image_id"] == one["id"]]
        boxes = {i: tuple(map(int, mark["bbox"])) for i, mark in enumerate(marks, start=1)}
        values = np.zeros((36, 48), np.uint8)
        for i, (left, upper, width, height) in boxes.items():
            values[upper : upper + max(1, height), left : left + max(1, width)] = i
        (place / "instances").mkdir(exist_ok=True)
        Image.fromarray(values).save(place / "instances" / f"{stem}.png")
        held = set(np.unique(values).tolist()) - {0}
        classes[stem] = {str(i): names[mark["category_id"]] for i, mark in enumerate(marks, start=1) if i in held}
    write(place / "instances.json", json.dumps(classes))
    head = "maskrcnn?channels=16&width=32&sampled=16&proposals=20&convs=1"
    how: dict[str, Any] = {"size": 64, "head": head, "recipe": "head_only?epochs=1", "backbone": "toy"}
    result = warmstart.fit(place, task="detect", out=tmp_path / "run", budget="5m", **how)
    assert {"map", "mask_map"} <= set(result.outcome.test)
    assert "mask_map" in warmstart.evaluate(result.bundle, place)["metrics"]
