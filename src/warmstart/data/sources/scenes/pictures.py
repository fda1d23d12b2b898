"""What the readers of annotations hand over: images as their annotation knows them, with what is marked in each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from warmstart.data.annotations import Boxes, Mask, Outline
from warmstart.data.schema import SplitName
from warmstart.data.sources.scenes.told import Told

Size = tuple[int, int]
Corners = tuple[float, float, float, float]
_BEYOND = 0.5
"""Pixels that a box may reach beyond its image and count as rounding."""


@dataclasses.dataclass(frozen=True, slots=True)
class Marked:
    """One object: its class, left, upper, right and lower edge, and where that is written."""

    name: str
    xyxy: Corners
    where: str
    outline: Outline | None = None
    crowd: bool = False


@dataclasses.dataclass(slots=True)
class Picture:
    """One image. `size` is what the annotation says it has; `shares`: coordinates are shares of width and height."""

    path: Path
    where: str
    marks: list[Marked] = dataclasses.field(default_factory=list)
    mask: Mask | None = None
    size: Size | None = None
    part: SplitName | None = None
    group: str | None = None
    time: str = ""
    shares: bool = False


@dataclasses.dataclass(frozen=True)
class Found:
    """What a reader found: pictures, the classes in their order, and decisions that it took."""

    pictures: list[Picture]
    classes: tuple[str, ...]
    notes: list[str] = dataclasses.field(default_factory=list)


def usable(marks: Sequence[Marked], size: Size, called: str, told: Told) -> list[Marked]:
    """The objects whose boxes can be used in an image (width, height); the others, and odd ones, are told."""
    kept = []
    for mark in marks:
        problem = _problem(mark.xyxy, size)
        if problem:
            told.wrong(problem, f"{mark.where} ({called}: {_written(mark.xyxy)}, of {size[0]} x {size[1]})")
            continue
        left, upper, right, lower = mark.xyxy
        if max(-left, -upper, right - size[0], lower - size[1]) > _BEYOND:
            what = "box(es) reach beyond their image and are clipped"
            told.odd(what, f"{mark.where} ({called}: {_written(mark.xyxy)}, of {size[0]} x {size[1]})")
        kept.append(mark)
    return kept


def _problem(xyxy: Corners, size: Size) -> str:
    left, upper, right, lower = xyxy
    if not all(map(math.isfinite, xyxy)):
        return "box(es) with a coordinate that is no number"
    if right < left or lower < upper:
        return "inverted box(es)"
    if right == left or lower == upper:
        return "empty box(es)"
    if right <= 0 or lower <= 0 or left >= size[0] or upper >= size[1]:
        return "box(es) wholly outside their image"
    return ""


def _written(xyxy: Corners) -> str:
    return ", ".join(f"{value:g}" for value in xyxy)


def boxes_from(marks: Sequence[Marked], where: str) -> Boxes:
    """The label that the objects make."""
    outlined = any(mark.outline is not None for mark in marks)
    return Boxes(
        tuple(mark.name for mark in marks),
        np.array([mark.xyxy for mark in marks], dtype=np.float64).reshape(len(marks), 4),
        tuple(mark.outline and dataclasses.replace(mark.outline, where=mark.where) for mark in marks)
        if outlined
        else (),
        tuple(mark.crowd for mark in marks) if any(mark.crowd for mark in marks) else (),
        where,
    )


def scaled(mark: Marked, width: float, height: float) -> Marked:
    """The object with coordinates that are shares of a width and a height."""
    left, upper, right, lower = mark.xyxy
    outline = mark.outline
    if outline is not None:
        outline = Outline(tuple(polygon * (width, height) for polygon in outline.polygons), outline.rle)
    xyxy = (left * width, upper * height, right * width, lower * height)
    return dataclasses.replace(mark, xyxy=xyxy, outline=outline)


def turned(mark: Marked, size: Size, turn: int) -> Marked:
    """The object in an image that EXIF turns, 5 to 8; `size` is (width, height) before (EXIF 2.3, table 4).

    >>> turned(Marked("a", (0, 0, 2, 1), ""), (10, 5), 6).xyxy
    (4.0, 0.0, 5.0, 2.0)
    """
    width, height = size

    def move(points: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        return np.stack([height - y if turn in (6, 7) else y, width - x if turn in (7, 8) else x], axis=1)

    corners = move(np.array(mark.xyxy, dtype=np.float64).reshape(2, 2))
    low, high = corners.min(0).tolist(), corners.max(0).tolist()
    outline = mark.outline
    if outline is not None and outline.rle is None:  # a run-length code says its own size, and is turned by that
        outline = Outline(tuple(move(polygon) for polygon in outline.polygons))
    return dataclasses.replace(mark, xyxy=(low[0], low[1], high[0], high[1]), outline=outline)
