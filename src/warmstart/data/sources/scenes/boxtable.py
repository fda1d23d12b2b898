"""Boxes in a table, a row for each: the image's path, the edges (or a corner, width and height), and the class.

Edges count from 0, in pixels, as they are written; where no coordinate is above 1, they are shares of width and height.
A row whose box is empty in every column (or 0 in every one) says that an image has no objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warmstart.data.names import PARTS, clean, natural
from warmstart.data.sources.columns import asked, find_columns, find_path, known_as
from warmstart.data.sources.labels import as_cell, as_text
from warmstart.data.sources.reading import read_table
from warmstart.data.sources.rows import file_in
from warmstart.data.sources.scenes.pictures import Corners, Found, Marked, Picture
from warmstart.data.sources.scenes.told import Told
from warmstart.errors import DataError

_EDGES = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("left", "upper", "right", "lower"),
)
_SIDES = (
    ("x", "y", "w", "h"),
    ("x", "y", "width", "height"),
    ("left", "top", "width", "height"),
    ("xmin", "ymin", "width", "height"),
    ("bbox_x", "bbox_y", "bbox_w", "bbox_h"),
    ("bbox_x", "bbox_y", "bbox_width", "bbox_height"),
)
_NAN = float("nan")


@dataclasses.dataclass(frozen=True)
class BoxColumns:
    """The four columns of boxes; `sides`: the last two are width and height."""

    names: tuple[str, ...]
    sides: bool


def box_columns(header: Sequence[str]) -> BoxColumns | None:
    """The columns that hold boxes, by their names, or none.

    >>> box_columns(["image_path", "xmin", "ymin", "xmax", "ymax", "label"]).sides
    False
    >>> box_columns(["path", "label", "width", "height"]) is None
    True
    """
    for families, sides in ((_EDGES, False), (_SIDES, True)):
        for family in families:
            found = [known_as(header, (name,)) for name in family]
            names = tuple(name for name in found if name is not None)
            if len(names) == len(family):
                return BoxColumns(names, sides)
    return None


def read_boxes(
    source: Any,
    told: Told,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    group: str | None = None,
    time: str | None = None,
) -> Found:
    """The images of a table, and what is marked in each. Relative paths are relative to its folder.

    Raises:
        DataError: it cannot be read, or a column is missing.
    """
    notes: list[str] = []
    header, table = read_table(source, notes)
    boxes, path = box_columns(header), find_path(header, path_column)
    if boxes is None:
        raise DataError(
            f"no columns of the table hold boxes; they are {', '.join(header)}",
            expected="xmin, ymin, xmax and ymax, or x, y, width and height",
            do="rename the columns",
        )
    asked(header, label_column, "label")
    taken = {path, *boxes.names}
    left = [i for i, name in enumerate(header) if name not in taken or name in (label_column, group, time)]
    kept = [header[i] for i in left]
    columns = find_columns(
        kept, [[row[i] for i in left] for row in table], [], label=label_column, group=group, time=time
    )
    if len(columns.labels) > 1:
        raise DataError(
            f"several label columns: {', '.join(columns.labels)}", expected="one, with the class of each box"
        )
    rows = columns.cells(header, table)
    label, at = header.index(columns.labels[0]), header.index(path)
    places = [header.index(name) for name in boxes.names]
    root = source.parent if isinstance(source, Path) else Path()
    pictures: dict[tuple[str, str], Picture] = {}
    for number, (cells, row) in enumerate(zip(rows, table, strict=True), start=1):
        written, part = as_cell(row[at]), cells.get("split", "").lower()
        if not written:
            told.wrong("row(s) without a path", f"row {number}")
            continue
        picture = pictures.get((written, part))
        if picture is None:
            file = file_in(root, written)
            picture = Picture(file, f"row {number}", part=PARTS[part] if part else None, time=cells.get("time", ""))
            picture.group = cells.get("group") or None
            pictures[written, part] = picture
        elif picture.group != (cells.get("group") or None):
            told.wrong("image(s) in more than one group", f"row {number} ({clean(written)})")
        mark = _mark([as_text(row[i]) for i in places], as_text(row[label]), boxes.sides, f"row {number}", told)
        picture.marks += [] if mark is None else [mark]
    found = list(pictures.values())
    values = [value for picture in found for mark in picture.marks for value in mark.xyxy if value == value]
    if values and min(values) >= 0 and max(values) <= 1 and any(value % 1 for value in values):
        notes.append("no coordinate is above 1: they are taken as shares of the width and height of each image")
        for picture in found:
            picture.shares = True
    names = {mark.name for picture in found for mark in picture.marks}
    return Found(found, tuple(sorted(names, key=natural)), notes)


def _mark(cells: Sequence[str], name: str, sides: bool, where: str, told: Told) -> Marked | None:
    """The object of a row; `None` if it has none, or one that cannot be used."""
    numbers = [_number(cell) for cell in cells]
    if not any(cells) or (all(number == 0 for number in numbers)):
        return None
    if not name:
        told.wrong("box(es) without a class", where)
        return None
    first, second, third, fourth = numbers
    box: Corners = (first, second, first + third, second + fourth) if sides else (first, second, third, fourth)
    return Marked(name, box, where)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return _NAN
