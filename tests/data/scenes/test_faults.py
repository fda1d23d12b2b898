"""What is wrong with boxes and masks is named before training, with where it is written. Row 43 of the known faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.scenes.conftest import SIZE, TWO, coco, halves, image, mask, voc, write, yolo
from warmstart.api.check import check
from warmstart.data.scenes import boxes_of
from warmstart.data.schema import Dataset
from warmstart.data.sources import load
from warmstart.errors import DataError


def named(data: Path, *words: str, task: Any = None) -> Dataset:
    """What is read where the rest is left out; that it is named, in an error and in a note, is tested."""
    with pytest.raises(DataError) as error:
        load(data, task=task)
    for word in words:
        assert word in error.value.found
    assert "on_missing='skip'" in error.value.do
    rest = load(data, task=task, on_missing="skip")
    notes = "\n".join(rest.notes)
    for word in words:
        assert word in notes
    assert "left out, since it cannot be used" in notes
    return rest


GOOD = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 5]}


def with_one(tmp_path: Path, **wrong: Any) -> Path:
    """A file of two annotations, the second of which is wrong."""
    second = {**GOOD, "id": 22, **wrong}
    return coco(tmp_path / "a.json", {"1.png": []}, tmp_path, annotations=[GOOD, second])


@pytest.mark.parametrize(
    ("box", "what"),
    [
        ([-20, 2, 15, 5], "1 box(es) wholly outside their image: a.json id 22 (1.png: -20, 2, -5, 7, of 40 x 30)"),
        ([40, 2, 5, 5], "wholly outside"),
        ([30, 20, -5, 5], "1 inverted box(es): a.json id 22"),
        ([30, 20, 0, 5], "1 empty box(es): a.json id 22"),
        ([float("nan"), 20, 1, 5], "with a coordinate that is no number: a.json id 22"),
        (["1", 20, 1, 5], "with a coordinate that is no number"),
        ([1, 2, 3], "with a coordinate that is no number"),
    ],
)
def test_a_box_that_cannot_be(box: list[Any], what: str, tmp_path: Path) -> None:
    rest = named(with_one(tmp_path, bbox=box), what)
    assert boxes_of(rest.samples[0].label).xyxy.tolist() == [[1, 2, 11, 7]]


def test_a_box_that_reaches_beyond_its_image_is_told_and_kept(tmp_path: Path) -> None:
    data = load(with_one(tmp_path, bbox=[35, 20, 10, 5]))
    assert boxes_of(data.samples[0].label).xyxy[1].tolist() == [35, 20, 45, 25]
    assert data.notes[0] == (
        "1 box(es) reach beyond their image and are clipped: a.json id 22 (1.png: 35, 20, 45, 25, of 40 x 30)"
    )
    assert load(with_one(tmp_path, bbox=[30, 20, 10.3, 5])).notes[:1] != data.notes[:1]  # that is rounding


def test_unknown_ids(tmp_path: Path) -> None:
    named(
        with_one(tmp_path, category_id=5), "1 annotation(s) of a category that is not listed: a.json id 22 (category 5)"
    )
    rest = named(
        with_one(tmp_path, image_id=9), "1 annotation(s) of an image that is not listed: a.json id 22 (image 9)"
    )
    assert boxes_of(rest.samples[0].label).names == ("cat",)


def test_an_image_that_is_not_there_or_twice_or_of_another_size(tmp_path: Path) -> None:
    listed = [{"id": i, "file_name": f"{min(i, 3)}.png", "width": 40, "height": 30} for i in range(1, 5)]
    listed[0]["width"] = 44
    image(tmp_path / "1.png"), image(tmp_path / "3.png")
    file = coco(tmp_path / "a.json", {}, tmp_path, images=listed, annotations=[{**GOOD, "image_id": 3}])
    rest = named(
        file,
        "1 annotation(s) of an image that is not there: a.json image 2 (2.png)",
        "1 image(s) that are annotated twice: 3.png: a.json image 3 and a.json image 4",
        "1 annotation(s) of an image of another size: a.json image 1 (1.png: 44 x 30, and the image is 40 x 30)",
    )
    assert [sample.id for sample in rest.samples] == ["3.png"]


def test_an_image_that_no_annotation_knows_is_told(tmp_path: Path) -> None:
    with_one(tmp_path)
    image(tmp_path / "spare" / "2.png")
    assert "1 image(s) are in no annotation and are left out: spare/2.png" in load(tmp_path).notes


def test_an_image_in_two_parts_is_kept_in_both(tmp_path: Path) -> None:
    """Row 19: that it is in both is a finding of `check`."""
    for part in ("train", "val"):
        coco(tmp_path / f"{part}.json", TWO, tmp_path / "images")
    assert [sample.id for sample in load(tmp_path).samples][:2] == ["images/1.png", "images/1.png (2)"]


def test_a_class_that_train_lacks(tmp_path: Path) -> None:
    """Row 13."""
    coco(tmp_path / "train.json", {"1.png": TWO["2.png"]}, tmp_path)
    file = coco(tmp_path / "val.json", {"2.png": TWO["1.png"]}, tmp_path)
    what = "1 object(s) in the val part of a class that train does not have (rename it as in train?)"
    rest = named(tmp_path, f"{what}: val.json id 1 (cat in 2.png)")
    assert [(sample.id, sample.names) for sample in rest.samples] == [("1.png", ("dog",)), ("2.png", ("dog",))]
    assert rest.target.classes == ("dog",)
    assert load(file).target.classes == ("cat", "dog")  # alone it can be evaluated on


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for part, wrong in (("train", {}), ("val", {"category_id": 9})):
        coco(
            tmp_path / part / "_annotations.coco.json", {"1.png": []}, tmp_path / part, annotations=[{**GOOD, **wrong}]
        )
    rest = named(tmp_path, "of a category that is not listed: val/_annotations.coco.json id 1 (category 9)")
    assert [len(boxes_of(sample.label).names) for sample in rest.samples] == [1, 0]


def test_an_unknown_class_is_a_finding_of_check(tmp_path: Path) -> None:
    """Row 43: it is told beside all else, not in place of it."""
    coco(tmp_path / "train.json", {"1.png": [*TWO["2.png"], *TWO["2.png"]]}, tmp_path)
    coco(tmp_path / "val.json", {"2.png": TWO["1.png"]}, tmp_path)
    problems = check(tmp_path).problems
    assert any("of a class that train does not have" in problem for problem in problems)
    assert "1 box(es) are written twice: 1.png (2 x dog)" in problems


def test_classes_that_differ_in_spelling(tmp_path: Path) -> None:
    scenes = {"1.png": [("cat", 1, 1, 4, 4), ("Cat", 5, 5, 9, 9)]}
    data = load(coco(tmp_path / "a.json", scenes, tmp_path, {"cat": 1, "Cat": 2}))
    assert data.notes == ("classes that differ in spelling alone: cat and Cat",)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"categories": "cat"}, "has no list of objects for categories"),
        ({"categories": [{"id": 1}]}, "the category {'id': 1}"),
        ({"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "category id 1 is 'a' and 'b'"),
        ({"images": [{"id": 1}]}, "the image {'id': 1}"),
        ({"annotations": [1]}, "has no list of objects for annotations"),
    ],
)
def test_json_of_another_form(changed: dict[str, Any], what: str, tmp_path: Path) -> None:
    file = coco(tmp_path / "a.json", TWO, tmp_path)
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    with pytest.raises(DataError) as error:
        load(file)
    assert what in error.value.found


def test_json_that_is_cut_off_names_the_line(tmp_path: Path) -> None:
    file = coco(tmp_path / "a.json", TWO, tmp_path)
    text = json.dumps(json.loads(file.read_text()), indent=1)
    file.write_text(text[:-5])
    with pytest.raises(DataError, match=r"a\.json: line \d\d+ is no JSON"):
        load(file)


@pytest.mark.parametrize(
    ("outline", "what"),
    [
        ([[1, 1, 4, 4]], "a polygon of fewer than three points among them"),
        ([[1, 1, 4, 4, 2, float("inf")]], "a coordinate that is no number among them"),
        ([[1, 1, 4, 4, 2]], "being no polygons of x, y, x, y, ..."),
        ({"size": [30, 40], "counts": [5, 5]}, "being run-length codes of fewer or more pixels than their size"),
        ({"counts": [5, 5]}, "being run-length codes without a size"),
        ({"size": [30, 40], "counts": "51Z"}, "being run-length codes without counts"),
        ({"size": [30, 40], "counts": "51"}, "being run-length codes of fewer or more pixels than their size"),
        ({"size": [30, 40], "counts": 3}, "being run-length codes without counts"),
    ],
)
def test_an_outline_that_is_none(outline: Any, what: str, tmp_path: Path) -> None:
    file = with_one(tmp_path, segmentation=outline)
    data = load(file)
    assert f"1 outline(s) left out, {what}: a.json id 22" in data.notes[0]
    assert len(boxes_of(data.samples[0].label).names) == 2
    with pytest.raises(DataError, match=r"object\(s\) with a box and no outline: a.json id 1 \(1.png\), a.json id 22"):
        load(file, task="segment")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (
            "0 20 15 10 5",
            "1 line(s) with coordinates that are no shares of the image, but perhaps pixels: 1.txt line 2",
        ),
        ("7 0.5 0.5 0.1 0.1", "1 line(s) of a class that has no name: 1.txt line 2 (class 7, of 2: 0 cat, 1 dog)"),
        ("0.5 0.5 0.5 0.1 0.1", "1 line(s) without the index of a class: 1.txt line 2 (0.5)"),
        ("cat 0.5 0.5 0.1 0.1", "1 line(s) that are not of numbers alone: 1.txt line 2 (cat 0.5 0.5 0.1 0.1)"),
        ("0 0.5 0.5 0.1", "1 line(s) that are neither a box nor a polygon: 1.txt line 2 (3 numbers behind the class)"),
        ("0 0.5 nan 0.1 0.1", "1 box(es) with a coordinate that is no number: 1.txt line 2"),
        ("0 0.5 0.5 0 0.1", "1 empty box(es): 1.txt line 2"),
    ],
)
def test_lines_of_yolo(line: str, what: str, tmp_path: Path) -> None:
    yolo(tmp_path, {"1.png": []})
    write(tmp_path / "classes.txt", "cat\ndog")
    write(tmp_path / "labels" / "1.txt", f"1 0.5 0.5 0.2 0.2\n{line}\n")
    assert boxes_of(named(tmp_path, what).samples[0].label).names == ("dog",)


def test_lists_of_classes_that_disagree_with_data_yaml_are_named(tmp_path: Path) -> None:
    yolo(tmp_path, TWO)
    write(tmp_path / "data.yaml", "train: images\nnames: [cat, dog]\n")
    write(tmp_path / "labels" / "classes.txt", "cat\ndog\n")
    assert not [note for note in load(tmp_path).notes if "indices of labels" in note]
    write(tmp_path / "labels" / "classes.txt", "dog\ncat\n")
    write(tmp_path / "old.yml", "train: images\nnames: {0: cat, 1: dog, 2: cow}\n")
    found = [note for note in check(tmp_path).problems if "indices of labels are taken for those of data.yaml" in note]
    assert ["labels/classes.txt lists 0 dog, 1 cat" in note for note in found] == [True, False]
    assert "data.yaml lists 0 cat, 1 dog; old.yml lists 0 cat, 1 dog, 2 cow" in found[1]
    assert load(tmp_path).target.classes == ("cat", "dog")


def test_a_label_file_without_an_image(tmp_path: Path) -> None:
    yolo(tmp_path, TWO)
    write(tmp_path / "labels" / "9.txt", "0 0.5 0.5 0.2 0.2")
    write(tmp_path / "labels" / "classes.txt", "cat\ndog")
    assert named(tmp_path, "1 label file(s) of an image that is not there: 9.txt").target.classes == ("cat", "dog")


def test_yaml_that_names_what_is_not_there(tmp_path: Path) -> None:
    yolo(tmp_path, TWO)
    write(tmp_path / "data.yaml", "train: here\nnames: [cat, dog]\n")
    with pytest.raises(DataError, match="there is no here for train"):
        load(tmp_path)
    write(tmp_path / "data.yaml", "train: images\nnames: cat\n")
    with pytest.raises(DataError, match="names are 'cat'"):
        load(tmp_path)


def test_xml_that_cannot_be_used(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        image(tmp_path / f"{name}.png")
    voc(tmp_path / "a.xml", "a.png", [("cat", 5, 5, 9, 9), ("", 1, 1, 2, 2), ("cat", "x", 1, 2, 2)])  # type: ignore[list-item]
    write(tmp_path / "b.xml", "<annotation><filename>b.png</filename><object><name>cat</name></object></annotation>")
    write(tmp_path / "c.xml", "<annotation><filename>c.png")
    write(tmp_path / "d.xml", '<annotation/><!DOCTYPE a [<!ENTITY b "cc">]>')
    rest = named(
        tmp_path,
        "1 object(s) without a name: a.xml object 2",
        "1 box(es) with a coordinate that is no number: a.xml object 3",
        "1 object(s) without a box: b.xml object 1",
        "1 XML file(s) that cannot be read: c.xml",
        "1 XML file(s) that define what XML is, which annotations do not: d.xml",
    )
    assert [sample.id for sample in rest.samples] == ["a.png", "b.png"]


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    image(tmp_path / "1.png")
    rows = [
        "1.png,1,1,5,5,cat",
        "1.png,1,1,5,5,",
        ",1,1,5,5,cat",
        "1.png,5,1,1,5,cat",
        "1.png,a,1,1,5,cat",
        "2.png,1,1,5,5,cat",
    ]
    file = write(tmp_path / "a.csv", "image,xmin,ymin,xmax,ymax,label\n" + "\n".join(rows))
    rest = named(
        file,
        "1 box(es) without a class: row 2",
        "1 row(s) without a path: row 3",
        "1 inverted box(es): row 4",
        "1 box(es) with a coordinate that is no number: row 5",
        "1 annotation(s) of an image that is not there: row 6 (2.png)",
    )
    assert boxes_of(rest.samples[0].label).xyxy.tolist() == [[1, 1, 5, 5]]


def test_masks_that_cannot_be_used(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        image(tmp_path / "images" / f"{name}.jpg")
    mask(tmp_path / "masks" / "1.png", halves(0, 1))
    mask(tmp_path / "masks" / "2.png", halves(0, 1, (41, 30)))
    mask(tmp_path / "masks" / "9.png", halves(0, 1))
    write(tmp_path / "masks" / "3.png", "no mask")
    rest = named(
        tmp_path,
        "1 mask(s) of another size than their image: masks/2.png (41 x 30, and its image 40 x 30)",
        "1 mask(s) of an image that is not there: masks/9.png",
        "1 mask(s) that cannot be read: masks/3.png",
    )
    assert [sample.id for sample in rest.samples] == ["images/1.jpg"]


def test_an_image_without_a_mask_is_told(tmp_path: Path) -> None:
    image(tmp_path / "images" / "1.jpg"), image(tmp_path / "images" / "2.jpg")
    mask(tmp_path / "masks" / "1.png", halves(0, 1))
    assert "1 image(s) have no mask and are left out: images/2.jpg" in load(tmp_path).notes


def test_masks_whose_values_are_no_classes(tmp_path: Path) -> None:
    image(tmp_path / "images" / "1.jpg")
    mask(tmp_path / "masks" / "1.png", np.arange(SIZE[0] * SIZE[1]).reshape(SIZE[::-1]) % 200)
    with pytest.raises(DataError, match="the masks have more than 64 values"):
        load(tmp_path)
    mask(tmp_path / "masks" / "1.png", np.zeros((*SIZE[::-1], 3)) + np.array([9, 0, 0]))
    with pytest.raises(DataError, match=r"masks.1\.png: its pixels are colours, and nothing says which class each is"):
        load(tmp_path)
    mask(tmp_path / "masks" / "1.png", halves(4, 4))
    with pytest.raises(DataError, match="the masks have one class: 4"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("classes.txt", "", "names no class"),
        ("classes.txt", "1 sea\n1 land", "1 is 'sea' and 'land'"),
        ("legend.json", '{"sea": 1, "land": [0, 0, 9]}', "has values and colours"),
        ("legend.json", '{"sea": "blue"}', "blue is neither a value nor a colour"),
        ("legend.json", "{", "cannot be read"),
        ("legend.json", "3", "neither a list nor an object"),
    ],
)
def test_legends_that_say_nothing(name: str, text: str, what: str, tmp_path: Path) -> None:
    image(tmp_path / "images" / "1.jpg")
    mask(tmp_path / "masks" / "1.png", halves(0, 1))
    write(tmp_path / name, text)
    with pytest.raises(DataError, match=what):
        load(tmp_path)


def test_nothing_marked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 image\(s\), and nothing is marked in any"):
        load(coco(tmp_path / "a.json", {"1.png": []}, tmp_path))


def test_a_task_that_the_data_does_not_pose(tmp_path: Path) -> None:
    image(tmp_path / "images" / "1.jpg")
    with pytest.raises(DataError, match="no annotations of images are found for the task 'detect'"):
        load(tmp_path, task="detect")
    mask(tmp_path / "masks" / "1.png", halves(0, 1))
    with pytest.raises(DataError, match="masks are found, and boxes are to be detected"):
        load(tmp_path, task="detect")
    with pytest.raises(DataError, match="group 'site' for images with pairs annotations"):
        load(tmp_path, group="site")
    table = write(tmp_path / "a.csv", "image,xmin,ymin,xmax,ymax,label\nimages/1.jpg,1,1,5,5,cat")
    with pytest.raises(DataError, match="a table of boxes, and every pixel is to be given a class"):
        load(table, task="segment")


def test_an_image_that_cannot_be_read_is_left_to_the_reader_of_images(tmp_path: Path) -> None:
    """Row 1: those are counted and skipped, whatever is marked in them."""
    yolo(tmp_path, TWO)
    (tmp_path / "images" / "2.png").write_bytes(b"")
    data = load(tmp_path)
    assert len(data) == 3
    assert boxes_of(data.samples[1].label).names == ()


def test_a_picture_turned_by_exif_and_its_mask(tmp_path: Path) -> None:
    """Row 3."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image(tmp_path / "images" / "1.jpg", exif=exif)
    mask(tmp_path / "masks" / "1.png", halves(0, 1))
    assert len(load(tmp_path)) == 1
    mask(tmp_path / "masks" / "1.png", halves(0, 1).T)
    assert len(load(tmp_path)) == 1
