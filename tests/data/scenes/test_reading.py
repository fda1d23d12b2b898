"""Annotated images as people have them, read into one form. Row numbers are those of the list of known faults."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.data.conftest import tree_hash
from tests.data.scenes.conftest import SIZE, TWO, Box, coco, halves, image, mask, voc, write, yolo
from warmstart.data.annotations import Boxes, Mask
from warmstart.data.masks import class_indices
from warmstart.data.scenes import BoxTarget, MaskTarget, boxes_of, mask_of
from warmstart.data.schema import Dataset
from warmstart.data.sources import kind_of, load


def marked(data: Dataset) -> dict[str, list[Box]]:
    """The objects of each image, by the last part of its path."""
    labels = {sample.id.rpartition("/")[2]: boxes_of(sample.label) for sample in data.samples}
    return {
        name: [(n, *box.round(6).tolist()) for n, box in zip(b.names, b.xyxy, strict=True)]
        for name, b in labels.items()
    }


def expected() -> dict[str, list[Box]]:
    return {name: [(box[0], *map(float, box[1:])) for box in boxes] for name, boxes in TWO.items()}  # type: ignore[misc]


def parts(data: Dataset) -> dict[str, str | None]:
    return {sample.id.rpartition("/")[2]: sample.split for sample in data.samples}


def test_coco_beside_its_images(tmp_path: Path) -> None:
    coco(tmp_path / "birds" / "boxes.json", TWO, tmp_path / "birds" / "images")
    before = tree_hash(tmp_path)
    data = load(tmp_path / "birds")
    assert marked(data) == expected()
    assert data.target == BoxTarget(("cat", "dog"))
    assert [sample.id for sample in data.samples] == ["images/1.png", "images/2.png", "images/3.png"]
    assert boxes_of(data.samples[0].label).where == "boxes.json image 1"
    assert (data.name, data.notes, parts(data)) == ("birds", (), {"1.png": None, "2.png": None, "3.png": None})
    assert kind_of(tmp_path / "birds") == "image"
    assert tree_hash(tmp_path) == before  # row 2
    by_file = load(str(tmp_path / "birds" / "boxes.json"))
    assert (marked(by_file), by_file.name) == (expected(), "boxes")


def test_coco_with_a_file_for_each_part(tmp_path: Path) -> None:
    coco(tmp_path / "annotations" / "instances_train2017.json", TWO, tmp_path / "train2017")
    coco(tmp_path / "annotations" / "instances_val2017.json", {"1.png": TWO["2.png"]}, tmp_path / "val2017")
    write(tmp_path / "annotations" / "captions_val2017.json", '{"images": [], "annotations": [], "categories": []}')
    data = load(tmp_path)
    assert [(s.id, s.split) for s in data.samples] == [
        ("train2017/1.png", "train"),
        ("train2017/2.png", "train"),
        ("train2017/3.png", "train"),
        ("val2017/1.png", "val"),
    ]
    assert {s.split for s in load(tmp_path / "annotations" / "instances_val2017.json").samples} == {None}


def test_coco_in_folders_of_parts(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        coco(tmp_path / part / "_annotations.coco.json", {f"{part}.png": TWO["1.png"]}, tmp_path / part)
    assert parts(load(tmp_path)) == {"train.png": "train", "valid.png": "val"}


def test_coco_files_are_joined_by_the_names_of_classes(tmp_path: Path) -> None:
    """Row 9."""
    coco(tmp_path / "train.json", {"a.png": TWO["1.png"]}, tmp_path / "images", {"cat": 1, "dog": 2, "cow": 9})
    coco(tmp_path / "val.json", {"b.png": TWO["1.png"]}, tmp_path / "images", {"dog": 1, "cat": 2})
    data = load(tmp_path)
    assert marked(data)["b.png"] == expected()["1.png"]
    assert data.target.classes == ("cat", "dog")
    disagree, empty = data.notes
    assert disagree.startswith(
        "files disagree on the classes, which are mapped by name, never by id: train.json lists "
    )
    assert "train.json lists 1 cat, 2 dog, 9 cow; val.json lists 1 dog, 2 cat; not in val.json: cow" in disagree
    assert "1 class(es) have no object and are left out: cow" in empty


def test_coco_outlines_and_crowds(tmp_path: Path) -> None:
    width, height = SIZE
    code = {"size": [height, width], "counts": [0, 60, width * height - 60]}
    found = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 30], "iscrowd": 1, "segmentation": code},
        {"id": 2, "image_id": 1, "category_id": 7, "segmentation": [[4, 4, 10, 4, 10, 9]]},
    ]
    coco(tmp_path / "a.json", {"1.png": []}, tmp_path, annotations=found)
    label = boxes_of(load(tmp_path).samples[0].label)
    assert label.crowd == (True, False)
    assert label.xyxy.tolist() == [[0, 0, 2, 30], [4, 4, 10, 9]]  # without a box, that around the polygon
    covered = mask_of(load(tmp_path, task="segment").samples[0].label)
    classes = load(tmp_path, task="segment").target.classes
    assert classes == ("background", "cat", "dog")
    pixels = class_indices(covered, classes, None, SIZE)
    assert ((pixels == 1).sum(), bool((pixels[:, :2] == 1).all())) == (60, True)
    assert pixels[5, 8] == 2
    assert covered.names == ("background", "cat", "dog")


def test_boxes_turn_with_a_photo_that_exif_turns(tmp_path: Path) -> None:
    """Row 3: the annotation says the size before the photo is turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image(tmp_path / "1.jpg", SIZE, exif=exif)
    found = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 5]}]
    listed = [{"id": 1, "file_name": "1.jpg", "width": 40, "height": 30}]
    coco(tmp_path / "a.json", {"1.png": []}, tmp_path, images=listed, annotations=found)
    data = load(tmp_path / "a.json")
    assert marked(data)["1.jpg"] == [("cat", 25, 0, 30, 10)]
    assert "turned by EXIF" in data.notes[0]


YAML = "path: .\ntrain: images/train\nval: images/val\nnames: {names}\n"


@pytest.mark.parametrize("names", ["[cat, dog]", "{{0: cat, 1: dog}}"])
def test_yolo_by_its_yaml(names: str, tmp_path: Path) -> None:
    yolo(yolo(tmp_path, TWO, "train"), {"4.png": TWO["2.png"]}, "val")
    write(tmp_path / "data.yaml", YAML.format(names=names.format()))
    data = load(tmp_path)
    assert marked(data) == {**expected(), "4.png": expected()["2.png"]}
    assert parts(data) == {"1.png": "train", "2.png": "train", "3.png": "train", "4.png": "val"}
    assert data.notes == ("1 image(s) have no label file and so no objects: 3.png",)
    assert marked(load(tmp_path / "data.yaml")) == marked(data)


def test_yolo_lists_and_paths_of_another_machine(tmp_path: Path) -> None:
    yolo(tmp_path, TWO, "train")
    write(tmp_path / "train.txt", "./images/train/1.png\nimages/train/2.png\n")
    write(
        tmp_path / "data.yaml",
        "path: /content/pets\ntrain: train.txt\nval: ../images/train\ntest: x\nnames: [cat, dog]",
    )
    data = load(tmp_path)
    assert [(s.id, s.split) for s in data.samples].count(("images/train/1.png", "train")) == 1
    assert [s.split for s in data.samples].count("val") == 3
    assert any("there is no folder /content/pets" in note for note in data.notes)
    assert any("names x for test, which is not there" in note for note in data.notes)


def test_yolo_without_yaml_takes_names_from_a_list_or_indices(tmp_path: Path) -> None:
    yolo(tmp_path / "a", TWO)
    assert load(tmp_path / "a").target.classes == ("0", "1")
    write(tmp_path / "a" / "classes.txt", "cat\ndog\n")
    assert load(tmp_path / "a").target.classes == ("cat", "dog")
    yolo(tmp_path / "b" / "train", TWO)
    assert set(parts(load(tmp_path / "b")).values()) == {"train"}


def test_yolo_polygons_are_outlines(tmp_path: Path) -> None:
    yolo(tmp_path, {"1.png": []})
    write(tmp_path / "labels" / "1.txt", "0 0.1 0.1 0.6 0.1 0.6 0.5")
    label = boxes_of(load(tmp_path).samples[0].label)
    assert label.xyxy[0].tolist() == pytest.approx([4, 3, 24, 15])
    assert label.outlines[0] is not None
    assert label.outlines[0].polygons[0][2].tolist() == pytest.approx([24, 15])
    assert load(tmp_path, task="segment").target == MaskTarget(("background", "0"))


def test_voc_counts_pixels_from_one(tmp_path: Path) -> None:
    for name in TWO:
        image(tmp_path / "JPEGImages" / name)
        boxes = [(n, left + 1, upper + 1, right, lower) for n, left, upper, right, lower in TWO[name]]
        voc(tmp_path / "Annotations" / f"{Path(name).stem}.xml", name, boxes)
    write(tmp_path / "ImageSets" / "Main" / "train.txt", "1\n3\n")
    write(tmp_path / "ImageSets" / "Main" / "val.txt", "2\n")
    write(tmp_path / "ImageSets" / "Main" / "dog_train.txt", "2 1\n")
    data = load(tmp_path)
    assert marked(data) == expected()
    assert parts(data) == {"1.png": "train", "2.png": "val", "3.png": "train"}
    assert data.notes == ("corners count from 1 and name pixels, as VOC has it: boxes reach from xmin - 1 to xmax",)


def test_voc_of_tools_that_count_from_zero(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    voc(tmp_path / "a.xml", "elsewhere\\other.png", [("cat", 0, 4, 9, 9)], more="<difficult>1</difficult>")
    data = load(tmp_path)
    assert marked(data) == {"a.png": [("cat", 0, 4, 9, 9)]}
    assert boxes_of(data.samples[0].label).crowd == (True,)
    assert data.notes[0].startswith("corners count from 0")


CSV = "image_path,xmin,ymin,xmax,ymax,label,site,split\n"


def test_boxes_in_a_table(tmp_path: Path) -> None:
    rows = [f"{name},{','.join(map(str, box[1:]))},{box[0]},north,train" for name in TWO for box in TWO[name]]
    file = write(tmp_path / "boxes.csv", CSV + "\n".join([*rows, "3.png,,,,,,south,val"]))
    for name in TWO:
        image(tmp_path / name)
    data = load(file, group="site")
    assert marked(data) == expected()
    assert [(s.group, s.split) for s in data.samples] == [("north", "train"), ("north", "train"), ("south", "val")]
    frame = pd.read_csv(file).rename(columns={"xmin": "x", "ymin": "y", "label": "kind"})
    frame["image_path"] = [str(tmp_path / name) for name in frame["image_path"]]
    frame["w"], frame["h"] = frame.pop("xmax") - frame["x"], frame.pop("ymax") - frame["y"]
    in_memory = load(frame.drop(columns=["site", "split"]), label_column="kind")
    assert marked(in_memory) == expected()
    frame.to_parquet(tmp_path / "boxes.parquet")
    assert marked(load(tmp_path / "boxes.parquet", label_column="kind", path_column="image_path")) == expected()


def test_shares_in_a_table_are_told(tmp_path: Path) -> None:
    image(tmp_path / "1.png")
    data = load(write(tmp_path / "a.csv", "image,x1,y1,x2,y2,class\n1.png,0.5,0.1,1,0.4,cat\n"))
    assert marked(data) == {"1.png": [("cat", 20, 3, 40, 12)]}
    assert "shares of the width and height" in data.notes[0]


def pixels(data: Dataset, i: int = 0) -> np.ndarray:
    return class_indices(mask_of(data.samples[i].label), data.target.classes, data.samples[i].source, SIZE)


def test_pairs_of_images_and_masks(tmp_path: Path) -> None:
    for part in ("train", "val"):
        image(tmp_path / part / "images" / "north" / "1.jpg")
        mask(tmp_path / part / "masks" / "north" / "1.png", halves(0, 3))
    data = load(tmp_path)
    assert data.target == MaskTarget(("0", "3"))
    assert [s.split for s in data.samples] == ["train", "val"]
    assert data.samples[0].names == ("0", "3")
    assert "they are called 0, 3, as all 2 masks hold them" in data.notes[0]
    assert (pixels(data)[0, 0], pixels(data)[0, -1]) == (0, 1)
    assert [s.group for s in load(tmp_path, group="folder").samples] == [None, None]


def test_parts_below_the_pair_and_endings_of_names(tmp_path: Path) -> None:
    for part in ("training", "validation"):
        image(tmp_path / "images" / part / f"{part}.jpg")
        mask(tmp_path / "annotations" / part / f"{part}_mask.png", halves(1, 2))
    assert parts(load(tmp_path)) == {"training.jpg": "train", "validation.jpg": "val"}
    image(tmp_path / "one" / "a.jpg")
    mask(tmp_path / "one" / "a_mask.png", halves(1, 2))
    assert [s.id for s in load(tmp_path / "one").samples] == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.txt", "sea\nland\n"),
        ("classes.txt", "0 sea\n1: land\n"),
        ("legend.json", '{"sea": 0, "land": 1, "void": 9}'),
        ("data.yaml", "names:\n  0: sea\n  1: land\n"),
        ("classes.csv", "name,value\nsea,0\nland,1\n"),
    ],
)
def test_names_of_values(name: str, text: str, tmp_path: Path) -> None:
    image(tmp_path / "images" / "1.jpg")
    mask(tmp_path / "masks" / "1.png", halves(0, 1))
    write(tmp_path / name, text)
    data = load(tmp_path)
    assert data.target.classes == ("sea", "land")
    assert (pixels(data)[0, 0], pixels(data)[0, -1]) == (0, 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labelmap.txt", "# label:color_rgb:parts:actions\nsea:0,0,128::\nland:10,200,0::\n"),
        ("label_colors.txt", "0 0 128\tsea\n10 200 0\tland\n"),
        ("class_dict.csv", "name,r,g,b\nsea,0,0,128\nland,10,200,0\n"),
        ("legend.json", json.dumps({"sea": [0, 0, 128], "land": "#0ac800"})),
    ],
)
def test_names_of_colours(name: str, text: str, tmp_path: Path) -> None:
    image(tmp_path / "images" / "1.jpg")
    colours = np.array([[0, 0, 128], [10, 200, 0]], np.uint8)[halves(0, 1)]
    mask(tmp_path / "masks" / "1.png", colours)
    write(tmp_path / "masks" / name, text)
    data = load(tmp_path)
    assert data.target.classes == ("sea", "land")
    assert (pixels(data)[0, 0], pixels(data)[0, -1]) == (0, 1)


def test_voc_masks_of_a_palette(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / "JPEGImages" / f"{name}.jpg")
        values = halves(0, 15)
        values[0] = 255
        found = Image.fromarray(values, "P")
        found.putpalette([7, 8, 9] * 256)
        (tmp_path / "SegmentationClass").mkdir(exist_ok=True)
        found.save(tmp_path / "SegmentationClass" / f"{name}.png")
    voc(tmp_path / "Annotations" / "a.xml", "a.jpg", [("cat", 1, 1, 4, 4)])
    write(tmp_path / "ImageSets" / "Segmentation" / "train.txt", "a\n")
    write(tmp_path / "ImageSets" / "Segmentation" / "val.txt", "b\n")
    assert isinstance(load(tmp_path).samples[0].label, Boxes)
    data = load(tmp_path, task="segment")
    assert isinstance(data.samples[0].label, Mask)
    assert parts(data) == {"a.jpg": "train", "b.jpg": "val"}
    assert data.target.classes == ("0", "15", "255")
    write(tmp_path / "classes.txt", "0 background\n15 person\n")
    assert load(tmp_path, task="segment").target.classes == ("background", "person")
    assert pixels(load(tmp_path, task="segment"))[0, 0] == 255


def test_masks_of_black_and_white(tmp_path: Path) -> None:
    image(tmp_path / "images" / "1.jpg")
    mask(tmp_path / "masks" / "1.png", halves(0, 255))
    assert load(tmp_path).target.classes == ("0", "255")
    write(tmp_path / "classes.txt", "ground\nroof")
    data = load(tmp_path)
    assert (data.target.classes, pixels(data)[0, -1]) == (("ground", "roof"), 1)


def test_folders_of_classes_stay_what_they_are(tmp_path: Path) -> None:
    for name in ("images/1.png", "masks/9.png", "masks/8.png"):
        image(tmp_path / name)
    assert load(tmp_path).target.kind == "classify"
