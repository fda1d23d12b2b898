"""Images in which something is marked, in any form, as a `Dataset`. One file for each form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warmstart.data.names import clean
from warmstart.data.schema import Dataset
from warmstart.data.sources.rows import OnMissing
from warmstart.data.sources.scenes.assemble import dataset_of
from warmstart.data.sources.scenes.boxtable import read_boxes
from warmstart.data.sources.scenes.coco import read_coco
from warmstart.data.sources.scenes.instances import read_instances
from warmstart.data.sources.scenes.layout import Layout, beside, layout_of
from warmstart.data.sources.scenes.pairs import read_pairs
from warmstart.data.sources.scenes.pictures import Found
from warmstart.data.sources.scenes.told import LEFT_OUT, Told
from warmstart.data.sources.scenes.voc import read_voc
from warmstart.data.sources.scenes.yolo import read_yolo
from warmstart.data.sources.scenes.yolofolder import images_of
from warmstart.data.sources.times import EXIF
from warmstart.data.targets import TaskName
from warmstart.errors import DataError

__all__ = ["LEFT_OUT", "layout_of", "load_scenes"]

EXPECTED = (
    "COCO's JSON, YOLO's data.yaml with images/ and labels/, VOC's XML files, a table with columns xmin, ymin, xmax "
    "and ymax; or images/ and masks/ (or instances/) with files of the same names"
)


def load_scenes(
    data: Any,
    *,
    task: TaskName | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    group: str | None = None,
    time: str | None = None,
    on_missing: OnMissing = "error",
) -> Dataset:
    """Read images in which something is marked; their headers are read for their size, and none is decoded.

    Masks are, where nothing names the values that they have.

    Args:
        data: a folder, a JSON file of COCO's, a `data.yaml`, or a table of boxes (docs/scenes-data.md).
        task: "detect" or "segment"; by default boxes are detected and masks segmented. "segment" with outlines of
            objects (COCO's or YOLO's) makes masks of these.
        path_column: of a table, the column of the images' paths, where its name does not tell.
        label_column: likewise, of the classes.
        group: "folder", for the first folder below that in which the images lie; of a table, a column.
        time: "exif"; of a table, a column.
        on_missing: "skip" leaves out what cannot be used, and notes say what.

    Raises:
        DataError: nothing is found, or something cannot be used; says where.
    """
    layout = layout_of(data, task)
    if layout is None:
        called = clean(str(data)) if isinstance(data, (str, Path)) else "the data"
        raise DataError(f"{called}: no annotations of images are found for the task {task!r}", expected=EXPECTED)
    table = layout.form == "table"
    for word, value, known in (("group", group, "folder"), ("time", time, EXIF)):
        if value not in (None, known) and not table:
            raise DataError(f"{word} {value!r} for images with {layout.form} annotations", expected=repr(known))
    if (path_column or label_column) and not table:
        raise DataError(f"columns are named for {layout.form} annotations", do="leave the column options out")
    if task == "detect" and layout.form == "pairs":
        raise DataError(
            "masks are found, and boxes are to be detected",
            expected="boxes: COCO's JSON, YOLO's labels, VOC's XML files, a table with xmin, ymin, xmax, ymax",
            do="take the task 'segment' for masks",
        )
    if task == "segment" and table:
        raise DataError("a table of boxes, and every pixel is to be given a class", expected="masks, or outlines")
    told = Told()
    found = _read(layout, data, told, {"path_column": path_column, "label_column": label_column}, group, time)
    found.notes.extend(beside(layout))
    is_file = isinstance(data, (str, Path)) and Path(data).is_file()
    return dataset_of(
        found,
        told,
        segment=task == "segment" or layout.form == "pairs",
        root=layout.root,
        name=clean(
            (Path(data).stem if is_file else layout.root.resolve().name) if isinstance(data, (str, Path)) else "table"
        ),
        whole=not is_file and layout.form not in ("table", "pairs", "instances"),
        group=group,
        time=time,
        on_missing=on_missing,
    )


def _read(
    layout: Layout, data: Any, told: Told, columns: dict[str, str | None], group: str | None, time: str | None
) -> Found:
    """What the reader of the form finds."""
    if layout.form == "table":
        source = layout.files[0] if layout.files else data
        return read_boxes(source, told, group=None if group == "folder" else group, time=time, **columns)
    if layout.form == "coco":
        return read_coco(layout.files, layout.root, told)
    if layout.form == "voc":
        return read_voc(layout.files, layout.root, told)
    if layout.form == "pairs":
        return read_pairs(layout.pairs, layout.root, told)
    if layout.form == "instances":
        return read_instances(layout.pairs, layout.root, told)
    notes: list[str] = []
    images, names, keypoints = images_of(layout.root, next(iter(layout.files), None), notes)
    found = read_yolo(images, names, told, keypoints=keypoints)
    return Found(found.pictures, found.classes, [*notes, *found.notes])
