"""What is said of one answer: what it rests on, which training samples it is like, and whether to believe that."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from warmstart.explaining.pictures import overlaid, plotted
from warmstart.explaining.places import pooled, whereabouts
from warmstart.preprocess.kinds import Kind

FloatArray = npt.NDArray[np.float32]
TOLD = 5
"""Words that are named in a sentence, at most."""
SIDE = 32
"""Rows and columns of a map in JSON, at most."""


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A training sample that the network sees much like the input.

    `similarity` is the cosine of their features, 1 where the network tells no difference.
    """

    name: str
    label: str
    similarity: float


@dataclasses.dataclass(frozen=True)
class Drop:
    """What becomes of the answer when a fifth of the input is covered: the part that the map calls most important, and
    as much elsewhere.

    Both are how far the probability (or the value that is explained) falls; negative where it rises.
    """

    important: float
    elsewhere: float


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """Why a bundle answers as it does for one input. Made by `warmstart.explaining.explain.explain_samples`.

    Args:
        input: name of the input.
        label: what is explained: a class, a label, the name of a number, an anomaly.
        probability: of the label; `None` where the answer is a number.
        value: the number that is explained, where it is one.
        method: how.
        kind: what the input is.
        map: what speaks for the label, at each place. Of an image (h, w), as it lies in the `shown` one; of a series
            (channels, steps). Positive speaks for the label, negative against it; Grad-CAM tells the former alone.
        words: of a text, in their order, each with what it adds.
        nearest: training samples, the most similar first.
        faithful: whether the map follows from what the network learned (Adebayo et al. 2018); `None` where that was not
            checked, or could not be.
        doubt: why not to believe it, in words; empty if there is no reason.
        error: why the input could not be read; all else is empty then.
        gap: of integrated gradients, the part of the answer that the map does not add up to, as a share.
        drop: the deletion check; `None` where it was not made.
        shown: the picture that a map belongs to, or the values of the series; of a forecast those that it is made from.
        box: of a box that is explained, its left, upper, right and lower edge in pixels of the upright image.
        size: width and height of that image, where there is a box.
    """

    input: str
    label: str
    probability: float | None
    method: str
    kind: Kind
    value: float | None = None
    map: FloatArray | None = dataclasses.field(default=None, repr=False)
    words: tuple[tuple[str, float], ...] = ()
    nearest: tuple[Neighbour, ...] = ()
    faithful: bool | None = None
    doubt: str = ""
    error: str = ""
    gap: float | None = None
    drop: Drop | None = None
    shown: Image.Image | FloatArray | None = dataclasses.field(default=None, repr=False)
    box: tuple[float, ...] | None = None
    size: tuple[int, int] | None = None

    @property
    def rests_on(self) -> str:
        """In words, what the answer rests on: words of a text, a part of an image, a stretch of a series.

        >>> Explanation("a", "good", 0.9, "integrated_gradients", "text", words=(("so", 0.1), ("fine", 2.0))).rests_on
        'fine, so'
        """
        if self.words:
            strong = sorted((word for word in self.words if word[1] > 0), key=lambda word: -word[1])
            return ", ".join(dict.fromkeys(word for word, _ in strong[:TOLD])) or "no word"
        return "" if self.map is None else whereabouts(self.map, self.kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form. A map of an image is told in 32 x 32 means at most, a series step by step."""
        found: dict[str, Any] = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("map", "shown", "nearest", "drop")
        }
        if self.map is not None:
            coarse = pooled(self.map, SIDE) if self.kind == "image" else self.map
            found["map"] = [[float(f"{value:.4g}") for value in row] for row in coarse.tolist()]
        found["words"] = [list(word) for word in self.words]
        found["nearest"] = [dataclasses.asdict(one) for one in self.nearest]
        found["drop"] = None if self.drop is None else dataclasses.asdict(self.drop)
        return {**found, "rests_on": self.rests_on}

    def picture(self) -> bytes | None:
        """A PNG: the image beside itself with the map over it, or the series with what matters coloured below its
        lines; `None` of texts, and of what could not be read.
        """
        if self.map is None or self.shown is None:
            return None
        if isinstance(self.shown, Image.Image):
            return overlaid(self.shown, self.map, self._frame())
        return plotted(self.shown, self.map)

    def _frame(self) -> tuple[float, ...] | None:
        """The box as shares of the width and height of the picture."""
        if self.box is None or self.size is None:
            return None
        return tuple(edge / side for edge, side in zip(self.box, (*self.size, *self.size), strict=True))
