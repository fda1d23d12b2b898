"""Small sets of annotated images, in every form in which people have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Box = tuple[str, float, float, float, float]
"""Class, left, upper, right, lower."""
Scenes = Mapping[str, Sequence[Box]]
SIZE = (40, 30)
TWO: Scenes = {
    "1.png": [("cat", 4, 6, 20, 16), ("dog", 22, 10, 38, 28)],
    "2.png": [("dog", 1, 2, 11, 12)],
    "3.png": [],
}


def image(path: Path, size: tuple[int, int] = SIZE, **options: Any) -> Path:
    """A picture that no other path has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(abs(hash(path.as_posix())) % 2**32).integers(0, 256, (5, 5, 3), np.uint8)
    Image.fromarray(noise).resize(size).save(path, **options)
    return path


def coco(
    file: Path,
    scenes: Scenes,
    folder: Path,
    categories: Mapping[str, int] | None = None,
    **changed: Any,
) -> Path:
    """A file of annotations, with its images; `changed` are lists in place of those made."""
    categories = categories or {"cat": 1, "dog": 7}
    listed, marked = list[dict[str, Any]](), list[dict[str, Any]]()
    for number, (name, boxes) in enumerate(scenes.items(), start=1):
        image(folder / name)
        listed.append({"id": number, "file_name": name, "width": SIZE[0], "height": SIZE[1]})
        for called, left, upper, right, lower in boxes:
            bbox = [left, upper, right - left, lower - upper]
            ring = [left, upper, right, upper, right, lower, left, lower]
            one = {"id": len(marked) + 1, "image_id": number, "category_id": categories[called], "iscrowd": 0}
            marked.append({**one, "bbox": bbox, "segmentation": [ring], "area": bbox[2] * bbox[3]})
    content = {
        "images": listed,
        "annotations": marked,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    return write(file, json.dumps({**content, **changed}))


def write(file: Path, text: str) -> Path:
    """A text file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def yolo(root: Path, scenes: Scenes, inner: str = "", names: Sequence[str] = ("cat", "dog")) -> Path:
    """`images/INNER` and `labels/INNER`; images without objects have no file."""
    for name, boxes in scenes.items():
        image(root / "images" / inner / name)
        lines = []
        for called, left, upper, right, lower in boxes:
            shares = ((left + right) / 2 / SIZE[0], (upper + lower) / 2 / SIZE[1])
            sides = ((right - left) / SIZE[0], (lower - upper) / SIZE[1])
            lines.append(" ".join(map(str, (names.index(called), *shares, *sides))))
        if lines:
            write(root / "labels" / inner / Path(name).with_suffix(".txt"), "\n".join(lines))
    return root


def voc(file: Path, name: str, boxes: Sequence[Box], size: tuple[int, int] = SIZE, more: str = "") -> Path:
    """An XML file, with corners as they are given."""
    objects = "".join(
        f"<object><name>{called}</name>{more}<bndbox><xmin>{left}</xmin><ymin>{upper}</ymin><xmax>{right}</xmax>"
        f"<ymax>{lower}</ymax></bndbox></object>"
        for called, left, upper, right, lower in boxes
    )
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return write(file, f"<annotation><filename>{name}</filename>{sides}{objects}</annotation>")


def mask(path: Path, values: npt.ArrayLike, mode: str | None = None) -> Path:
    """A mask of such values, or colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = Image.fromarray(np.array(values, np.uint8))
    (found if mode is None else found.convert(mode)).save(path)
    return path


def halves(low: int, high: int, size: tuple[int, int] = SIZE) -> npt.NDArray[np.uint8]:
    """A mask whose left half has one value and whose right half another."""
    values = np.full(size[::-1], low, np.uint8)
    values[:, size[0] // 2 :] = high
    return values
