"""What `check` says of annotated images, and the pictures that it draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.data.conftest import tree_hash
from tests.data.scenes.conftest import SIZE, TWO, coco, halves, image, mask, write, yolo
from warmstart.api.check import check
from warmstart.cli.main import app
from warmstart.data.contact import contact_sheet
from warmstart.data.drawing import colours, draw_boxes, draw_mask
from warmstart.data.labelfacts import label_facts
from warmstart.data.sources import load
from warmstart.data.tiling import tiled


def has_colour(picture: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(picture) == colour).all(2).sum())


def test_counts_of_boxes(tmp_path: Path) -> None:
    file = coco(
        tmp_path / "data" / "a.json", {**TWO, "4.png": [("cat", 0, 0, 40, 30), ("cat", 5, 5, 9, 9)]}, tmp_path / "data"
    )
    before = tree_hash(tmp_path / "data")
    found = check(file, picture=tmp_path / "sheet.png")
    assert (found.task, found.counts) == ("detect", {"cat": 2, "dog": 2})
    facts = found.facts
    assert facts["objects"] == {"cat": 3, "dog": 2}
    assert (facts["per_image"], facts["empty"], facts["outlines"]) == ([0, 2, 2], 1, 5)
    assert facts["sizes"] == {"small": 4, "medium": 1, "large": 0}
    assert tree_hash(tmp_path / "data") == before  # row 2
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert all(has_colour(sheet.convert("RGB"), tone) > 100 for tone in colours(2))


def test_what_cannot_be_used_is_a_finding(tmp_path: Path) -> None:
    yolo(tmp_path / "pets", TWO)
    write(tmp_path / "pets" / "classes.txt", "cat\ndog")
    write(tmp_path / "pets" / "labels" / "2.txt", "0 12 14 8 9\n1 0.5 0.5 0.1 0.1")
    problems = check(tmp_path / "pets").problems
    assert any("line(s) with coordinates that are no shares of the image" in problem for problem in problems)
    assert any(problem.startswith("fit stops at what cannot be used") for problem in problems)


def test_what_is_odd_about_boxes(tmp_path: Path) -> None:
    base = {"image_id": 1, "category_id": 1, "bbox": [4, 4, 10, 10], "iscrowd": 0}
    bow = [[4, 4, 14, 14, 14, 4, 4, 14]]
    found = [
        {**base, "id": 1},
        {**base, "id": 2},
        {**base, "id": 3, "category_id": 7},
        {**base, "id": 4, "bbox": [20, 20, 8, 8], "segmentation": bow},
    ]
    coco(tmp_path / "a.json", {"1.png": []}, tmp_path, annotations=found)
    two, apart, crossing, twice = check(tmp_path).problems[:4]
    assert two == "1 box(es) have two classes: 1.png (cat and dog)"
    assert apart == "1 box(es) are not those of their outline: a.json id 4 (cat in 1.png)"
    assert crossing == "1 outline(s) cross themselves: a.json id 4 (cat in 1.png)"
    assert twice == "1 box(es) are written twice: 1.png (2 x cat)"


def test_one_image_in_two_parts_with_other_boxes(tmp_path: Path) -> None:
    """Row 19."""
    coco(tmp_path / "train.json", TWO, tmp_path / "images")
    coco(tmp_path / "val.json", {"1.png": TWO["1.png"], "2.png": [("cat", 1, 1, 9, 9)]}, tmp_path / "images")
    found = check(tmp_path)
    assert found.leak_count == 2
    assert found.conflicting == (("images/2.png", "images/2.png (2)"),)


def test_counts_of_masks(tmp_path: Path) -> None:
    for name, values in (("1", halves(0, 1)), ("2", halves(1, 1)), ("3", halves(0, 7)), ("4", halves(0, 9))):
        image(tmp_path / "images" / f"{name}.jpg")
        mask(tmp_path / "masks" / f"{name}.png", values)
    write(tmp_path / "legend.json", json.dumps({"sea": 0, "land": 1, "ice": 3, "void": 9}))
    found = check(tmp_path, picture=tmp_path.parent / "sheet.png")
    half = SIZE[0] * SIZE[1] // 2
    assert found.counts == {"sea": 3, "land": 2, "ice": 0}
    assert found.facts["pixels"] == pytest.approx({"sea": 0.5, "land": 0.5, "ice": 0})
    assert found.facts["ignored"] == pytest.approx(1 / 7)
    assert found.facts["unknown"] == {"7": {"pixels": half, "masks": 1, "first": "masks/3.png"}}
    unknown, alone, absent = found.problems[:3]
    assert unknown == (
        f"1 mask(s) hold 1 value(s) that no class has, at which training stops: 7 ({half} pixels, first in masks/3.png)"
    )
    assert alone == "2 mask(s) hold one class alone: images/2.jpg (land), images/4.jpg (sea)"
    assert absent == "class(es) that no mask has: ice"


def test_counts_of_masks_of_colours_and_outlines(tmp_path: Path) -> None:
    image(tmp_path / "a" / "images" / "1.jpg")
    table = np.array([[0, 0, 128], [10, 200, 0]], np.uint8)
    mask(tmp_path / "a" / "masks" / "1.png", table[halves(0, 1)])
    write(tmp_path / "a" / "label_colors.txt", "0 0 128 sea\n10 200 1 land")
    assert check(tmp_path / "a").facts["unknown"]["(10, 200, 0)"]["pixels"] == SIZE[0] * SIZE[1] // 2
    coco(tmp_path / "b" / "a.json", {"1.png": [("cat", 0, 0, 20, 30)]}, tmp_path / "b")
    assert check(tmp_path / "b", task="segment").facts["pixels"] == pytest.approx({"background": 0.5, "cat": 0.5})


def test_the_command_prints_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    coco(tmp_path / "pets" / "a.json", TWO, tmp_path / "pets")
    said = CliRunner().invoke(app, ["check", "pets"]).stdout
    assert "class  objects" in said
    assert "objects  0 to 2 in an image, typically 1; 1 image(s) have none" in said
    assert "boxes    3 small (below 32 x 32 pixels), 0 medium (below 96 x 96), 0 large" in said
    assert (tmp_path / "warmstart-check-pets.png").exists()
    image(tmp_path / "land" / "images" / "1.jpg")
    mask(tmp_path / "land" / "masks" / "1.png", halves(0, 1))
    said = CliRunner().invoke(app, ["check", "land"]).stdout
    assert "0      50.00%  1" in said


def test_colours_are_all_different() -> None:
    assert len(set(colours(60))) == 60


def test_pictures_leave_what_they_are_drawn_on(tmp_path: Path) -> None:
    picture = Image.open(image(tmp_path / "1.png", (700, 500)))
    before = picture.tobytes()
    drawn = draw_boxes(picture, [("cat", (10, 10, 200, 300), 0.5), ("dog", (300, 10, 720, 300), None)], ["cat", "dog"])
    assert drawn.size == picture.size
    assert all(has_colour(drawn, tone) > 500 for tone in colours(2))
    many = [("cat", (i, i, i + 50, i + 50), 0.5) for i in range(50)]
    assert draw_boxes(picture, many, ["cat", "dog"]).height > 500
    covered = np.zeros((500, 700), np.uint8)
    covered[:, 350:] = 1
    tinted = draw_mask(picture, covered, ["background", "roof"])
    assert np.array_equal(np.asarray(tinted)[:500, :350], np.asarray(picture)[:, :350])
    assert not np.array_equal(np.asarray(tinted)[:500, 350:], np.asarray(picture)[:, 350:])
    assert (np.asarray(tinted)[:500, 350] == colours(2)[1]).all()  # where it begins, the class's own colour
    assert tinted.height > 500
    assert draw_mask(picture, np.full((500, 700), 255, np.uint8), ["background"]).size == picture.size
    assert picture.tobytes() == before


def test_a_sheet_shows_each_class(tmp_path: Path) -> None:
    scenes = {f"{i:02}.png": [("dog", 1, 1, 20, 20)] for i in range(30)} | {"30.png": [("cat", 1, 1, 20, 20)]}
    data = load(coco(tmp_path / "a.json", scenes, tmp_path))
    sheet = contact_sheet(data)
    assert has_colour(sheet, colours(2)[0]) > 400  # the legend's square alone has 225
    (tmp_path / "30.png").write_bytes(b"")
    assert contact_sheet(data).size == sheet.size


def test_masks_of_tiles_are_counted_in_the_tile(tmp_path: Path) -> None:
    image(tmp_path / "images" / "1.png")
    values = np.zeros(SIZE[::-1], np.uint8)
    values[:, :8] = 1
    mask(tmp_path / "masks" / "1.png", values)
    facts = label_facts(tiled(load(tmp_path), 32))
    assert facts["masks"] == 2
    assert facts["pixels"]["1"] == pytest.approx(8 * 30 / (2 * 32 * 30))
    assert facts["alone"] == ["images/1.png[8,0] (0)"]
