"""Annotations as COCO has them (cocodataset.org/#format-data): boxes as left, upper, width, height; outlines as
polygons or run-length codes. One file, or one for each part. Ids join records of one file; classes of several files are
joined by name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.annotations import Outline
from warmstart.data.names import clean, some
from warmstart.data.outlines import bounds, run_lengths
from warmstart.data.schema import SplitName
from warmstart.data.sources.scenes.classlists import by_name
from warmstart.data.sources.scenes.finder import ImageFinder, part_named
from warmstart.data.sources.scenes.pictures import Corners, Found, Marked, Picture
from warmstart.data.sources.scenes.told import Told, spoken
from warmstart.data.sources.textfile import read_text
from warmstart.errors import DataError

EXPECTED = 'an object with lists "images", "annotations" and "categories"'
_NOWHERE: Corners = (float("nan"),) * 4


def read_coco(files: Sequence[Path], root: Path, told: Told) -> Found:
    """The images of annotation files, and what is marked in each.

    Args:
        files: the JSON files. Of several, each is the part that its name or its folder tells.
        root: folder below which the images lie.
        told: hears what is wrong.

    Raises:
        DataError: a file is no JSON, or not of this form.
    """
    finder, notes = ImageFinder(root), list[str]()
    pictures: list[Picture] = []
    named: dict[str, dict[Any, str]] = {}
    for file, called in spoken(files).items():
        content = _content(file)
        part = part_named(file.stem) or part_named(file.parent.name)
        names = _categories(content, file)
        read = _pictures(content, file, called, names, part, finder, told)
        for picture in read:
            picture.part = part if len(files) > 1 else None
        pictures += read
        named[called] = names
    _compare(named, notes)
    return Found(pictures, tuple(dict.fromkeys(name for names in named.values() for name in names.values())), notes)


def _content(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(read_text(file)[0])
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        why = getattr(error, "msg", "nested too deeply")
        raise DataError(f"{file}: line {line} is no JSON: {why}", EXPECTED, do="write the file again") from error
    wrong = [key for key in ("images", "categories") if not _of_objects(content, key)]
    if wrong or not _of_objects({"annotations": [], **content}, "annotations"):
        missing = ", ".join(wrong) or "annotations"
        raise DataError(f"{file} has no list of objects for {missing}", expected=EXPECTED)
    return dict(content)


def _of_objects(content: Any, key: str) -> bool:
    items = content.get(key) if isinstance(content, dict) else None
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def _categories(content: Mapping[str, Any], file: Path) -> dict[Any, str]:
    """Names by id, in the order of the ids."""
    found: dict[Any, str] = {}
    for category in content["categories"]:
        number, name = category.get("id"), category.get("name")
        if isinstance(number, bool) or not isinstance(number, int | str) or not isinstance(name, str) or not name:
            raise DataError(f"{file}: the category {str(category)[:100]}", expected='an "id" and a "name"')
        if found.setdefault(number, clean(name)) != clean(name):
            raise DataError(
                f"{file}: the category id {number} is {found[number]!r} and {clean(name)!r}",
                expected="one name for each id",
                do="give one of them another id",
            )
    return dict(sorted(found.items(), key=lambda item: (isinstance(item[0], str), item[0])))


def _compare(named: Mapping[str, Mapping[Any, str]], notes: list[str]) -> None:
    """Note where files disagree on the classes, which are joined by name, and where one has several ids for a class."""
    notes += by_name(named)
    for file, names in named.items():
        if twice := [name for name, n in Counter(names.values()).items() if n > 1]:
            notes.append(f"{file}: several category ids are called {some(twice)}: they are one class")


def _pictures(
    content: Mapping[str, Any],
    file: Path,
    called: str,
    names: Mapping[Any, str],
    part: SplitName | None,
    finder: ImageFinder,
    told: Told,
) -> list[Picture]:
    places = _places(file, finder.root, part)
    found: dict[Any, Picture] = {}
    for record in content["images"]:
        number, name = record.get("id"), record.get("file_name")
        if not isinstance(number, int | str) or not isinstance(name, str) or not name:
            raise DataError(f"{file}: the image {str(record)[:100]}", expected='an "id" and a "file_name"')
        where = f"{called} image {number}"
        if number in found:
            told.wrong("image(s) with an id that another has", f"{where} ({clean(name)})")
            continue
        path = finder.find(name, places, part) or finder.root / name
        found[number] = Picture(path, where, size=_size(record))
    for i, record in enumerate(content.get("annotations", [])):
        where = f"{called} id {record.get('id', f'number {i + 1}')}"
        picture = found.get(_hashable(record.get("image_id")))
        category = _hashable(record.get("category_id"))
        if picture is None:
            told.wrong("annotation(s) of an image that is not listed", f"{where} (image {record.get('image_id')})")
        elif category not in names:
            told.wrong("annotation(s) of a category that is not listed", f"{where} (category {category})")
        else:
            picture.marks.append(_mark(record, names[category], where, told))
    return list(found.values())


def _hashable(value: Any) -> Any:
    return value if isinstance(value, int | str) else None


def _places(file: Path, root: Path, part: SplitName | None) -> list[Path]:
    """Folders in which the images are likely to lie."""
    above = (
        [file.parent, file.parent.parent] if file.parent.name.lower() in ("annotations", "labels") else [file.parent]
    )
    year = file.stem.rpartition("_")[2]  # instances_train2017: train2017/
    inner = ["", "images", *([] if part is None else [year, part, f"images/{year}", f"images/{part}"])]
    return list(dict.fromkeys(place / name for place in [*above, root] for name in inner))


def _size(record: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = record.get("width"), record.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) and min(width, height) > 0 else None


def _mark(record: Mapping[str, Any], name: str, where: str, told: Told) -> Marked:
    outline, problem = _outline(record.get("segmentation"))
    if problem:
        told.odd(f"outline(s) left out, {problem}", where)
    box = _corners(record.get("bbox"))
    if box is None:
        box = bounds(outline.polygons) if outline is not None else _NOWHERE
    return Marked(name, box, where, outline, bool(record.get("iscrowd", 0)))


def _corners(box: Any) -> Corners | None:
    if not isinstance(box, list) or len(box) != 4 or not all(_is_number(value) for value in box):
        return None if box in (None, []) else _NOWHERE
    left, upper, width, height = map(float, box)
    return left, upper, left + width, upper + height


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _outline(found: Any) -> tuple[Outline | None, str]:
    """The outline, or why there is none in words."""
    if found is None or found == []:
        return None, ""
    if isinstance(found, dict):
        return (None, problem) if (problem := _problem(found)) else (Outline(rle=found), "")
    rings = found if isinstance(found, list) and all(isinstance(ring, list) for ring in found) else [found]
    polygons = []
    for ring in rings:
        if not isinstance(ring, list) or len(ring) % 2 or not {*map(type, ring)} <= {int, float}:
            return None, "being no polygons of x, y, x, y, ..."
        if len(ring) < 6:
            return None, "a polygon of fewer than three points among them"
        polygons.append(np.array(ring, dtype=np.float64).reshape(-1, 2))
        if not np.isfinite(polygons[-1]).all():
            return None, "a coordinate that is no number among them"
    return Outline(tuple(polygons)), ""


def _problem(code: Mapping[str, Any]) -> str:
    """Why a run-length code is none."""
    size, counts = code.get("size"), code.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        return "being run-length codes without a size"
    counts = run_lengths(counts) if isinstance(counts, str) else counts
    if not isinstance(counts, list) or not all(isinstance(n, int) and n >= 0 for n in counts):
        return "being run-length codes without counts"
    return "" if sum(counts) == size[0] * size[1] else "being run-length codes of fewer or more pixels than their size"
