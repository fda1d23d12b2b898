"""Annotations as YOLO has them: a text file for each image, `labels/NAME.txt` for `images/NAME.jpg`, with a line for
each object: class index, then centre x, centre y, width and height, or the corners of a polygon, all as shares of the
image's width and height. `data.yaml` names the classes and the parts. An image without a file has no objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.annotations import Outline
from warmstart.data.names import IMAGES, clean, some
from warmstart.data.outlines import bounds
from warmstart.data.schema import SplitName
from warmstart.data.sources.scenes.pictures import Corners, Found, Marked, Picture
from warmstart.data.sources.scenes.told import Told, spoken
from warmstart.data.sources.textfile import read_text
from warmstart.data.sources.walk import entries, is_file

NAMES = ("classes.txt", "obj.names", "names.txt")
"""Files with a line for each class, where there is no `data.yaml`."""
_ROUNDING = 0.01
"""Share of a side by which coordinates may lie outside 0 to 1 and count as rounding, or a box that reaches beyond."""

Images = Sequence[tuple[Path, SplitName | None]]


def read_yolo(images: Images, names: dict[int, str], told: Told, *, keypoints: bool = False) -> Found:
    """What the label files of images say.

    Args:
        images: files of images, each with its part.
        names: of the classes, by index; empty where they are not known, and indices are names then.
        told: hears what is wrong.
        keypoints: lines have points behind the box, which are left out.
    """
    pictures, notes, without = [], list[str](), list[str]()
    files = {path: label_file(path) for path, _ in images}
    called = spoken({file: None for file in files.values() if file is not None})
    for path, part in images:
        file = files[path]
        if file is None:
            without.append(path.name)
        picture = Picture(path, "" if file is None else called[file], part=part, shares=True)
        if file is not None:
            picture.marks = _marks(file, called[file], names, told, keypoints)
        pictures.append(picture)
    for file in _alone(set(called)):
        told.wrong("label file(s) of an image that is not there", file.name)
    if without:
        notes.append(f"{len(without)} image(s) have no label file and so no objects: {some(without, 3)}")
    if keypoints:
        notes.append("the points behind the boxes are left out")
    classes = dict.fromkeys(names[i] for i in sorted(names))
    if not names:
        found = {mark.name for picture in pictures for mark in picture.marks}
        classes = dict.fromkeys(sorted(found, key=int))
        notes.append("nothing names the classes: they are called by their index; name them in data.yaml or classes.txt")
    return Found(pictures, tuple(classes), notes)


def label_file(image: Path) -> Path | None:
    """Where the objects of an image are written: `labels` for the last `images` in its path, else beside it."""
    parts = list(image.with_suffix(".txt").parts)
    at = max((i for i, name in enumerate(parts[:-1]) if name.lower() == "images"), default=None)
    places = [image.with_suffix(".txt")]
    if at is not None:
        places.insert(0, Path(*parts[:at], "labels", *parts[at + 1 :]))
    return next((place for place in places if is_file(place)), None)


def _alone(files: set[Path]) -> list[Path]:
    """Files beside some label files that have no image; only in folders called `labels` or in these."""
    found = []
    for folder in sorted({file.parent for file in files}):
        at = max((i for i, name in enumerate(folder.parts) if name.lower() == "labels"), default=None)
        if at is not None:
            images = Path(*folder.parts[:at], "images", *folder.parts[at + 1 :])
            labels = [path for path in entries(folder)[1] if path.suffix == ".txt" and path.name not in NAMES]
            found += [path for path in labels if path not in files and not _has_image(path, (images, folder))]
    return found


def _has_image(label: Path, folders: Sequence[Path]) -> bool:
    return any(image_of(label, folder) for folder in folders)


def image_of(label: Path, images: Path) -> bool:
    """Whether a label file has an image of its name in a folder."""
    return any(is_file(images / f"{label.stem}{ending}") for ending in IMAGES.endings)


def _marks(file: Path, called: str, names: dict[int, str], told: Told, keypoints: bool) -> list[Marked]:
    found = []
    for number, line in enumerate(read_text(file)[0].splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{called} line {number}"
        mark = _mark(line.split(), names, where, told, keypoints)
        if mark is not None:
            found.append(mark)
    return found


def _mark(cells: list[str], names: dict[int, str], where: str, told: Told, keypoints: bool) -> Marked | None:
    try:
        first, *values = map(float, cells)
    except ValueError:
        told.wrong("line(s) that are not of numbers alone", f"{where} ({clean(' '.join(cells))[:60]})")
        return None
    if first != int(first) if np.isfinite(first) else True:
        told.wrong("line(s) without the index of a class", f"{where} ({cells[0]})")
        return None
    index = int(first)
    if index not in names if names else index < 0:
        told.wrong("line(s) of a class that has no name", f"{where} (class {index}, of {_range(names)})")
        return None
    name = names.get(index, str(index))
    values = values[:4] if keypoints else values
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        told.wrong("line(s) that are neither a box nor a polygon", f"{where} ({len(values)} numbers behind the class)")
        return None
    if max(values) > 1 + _ROUNDING or min(values) < -_ROUNDING:
        shown = " ".join(cells[1:5])
        told.wrong("line(s) with coordinates that are no shares of the image, but perhaps pixels", f"{where} ({shown})")
        return None
    if len(values) == 4:
        x, y, width, height = values
        box: Corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return Marked(name, box, where)
    polygon = np.array(values, dtype=np.float64).reshape(-1, 2)
    return Marked(name, bounds([polygon]), where, Outline((polygon,)))


def _range(names: dict[int, str]) -> str:
    return f"{len(names)}: {some([f'{i} {name}' for i, name in sorted(names.items())], 3)}" if names else "0"


def names_in(found: Any) -> dict[int, str]:
    """Names of classes by index, of a list or of an object with indices for keys; empty where it is neither."""
    if isinstance(found, list):
        found = dict(enumerate(found))
    if not isinstance(found, dict) or not all(str(key).isdigit() for key in found):
        return {}
    return {int(key): clean(str(name)) for key, name in found.items()}
