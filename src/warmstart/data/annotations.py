"""What is marked in an image, as a label: boxes around objects, or a mask that gives every pixel a class.

Coordinates are pixels of the upright image, x to the right and y down, from the upper left corner of the first pixel:
an image 10 pixels wide reaches from 0 to 10. A label holds where a mask lies, never decoded pixels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IGNORED = 255
"""The index of a pixel that belongs to no class and counts nowhere."""
Colour = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Outline:
    """Which pixels an object covers: polygons, each (m, 2) of x and y, or a run-length code as COCO has it.

    `where` is where the object is written, for messages: a file and a line or an id in it.
    """

    polygons: tuple[FloatArray, ...] = ()
    rle: Mapping[str, Any] | None = None
    where: str = ""


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Boxes:
    """The objects in an image; none is a legal number of them.

    `names` are their classes, `xyxy` (k, 4) the left, upper, right and lower edge of each in pixels. `outlines` are
    empty, or one for each object, `None` where it has just a box. `crowd` is empty, or says which are groups that
    detections may hit without being counted (COCO's `iscrowd`). `where` is where they are written, for messages: a file
    and a line or an id in it.
    """

    names: tuple[str, ...]
    xyxy: FloatArray
    outlines: tuple[Outline | None, ...] = ()
    crowd: tuple[bool, ...] = ()
    where: str = ""

    def __post_init__(self) -> None:
        """Raise `ValueError` where the parts are not of one length."""
        if self.xyxy.shape != (len(self.names), 4):
            raise ValueError(f"{len(self.names)} names for boxes of shape {self.xyxy.shape}")
        if any(len(part) not in (0, len(self.names)) for part in (self.outlines, self.crowd)):
            raise ValueError("outlines and crowd are empty or one for each box")


@dataclasses.dataclass(frozen=True)
class Legend:
    """What the values of stored masks mean: by grey value (or index of a palette), or by colour.

    A value whose name is `None` is ignored; one that is not listed is a mistake in the data.
    """

    names: Mapping[int | Colour, str | None]


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Mask:
    """A class for every pixel of an image.

    `source` is a file, an array (H, W) of values or (H, W, 3) of colours, or `Boxes` with outlines, of which later ones
    lie on top and what none covers is the `background`. `legend` says what values mean; not needed for `Boxes`. `names`
    are the classes that occur, so far as that is known without decoding. `where` is as `Boxes` has it. `window` (left,
    top, right, bottom) is the part of the upright mask that is meant, where that is not all of it.
    """

    source: Path | npt.NDArray[np.uint8] | Boxes
    legend: Legend | None = None
    names: tuple[str, ...] = ()
    background: str = "background"
    where: str = ""
    window: tuple[int, int, int, int] | None = None


Annotation = Boxes | Mask
