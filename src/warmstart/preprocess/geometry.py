"""Where an image comes to lie: the size it is resized to, and the filters, the same for pictures and for bands."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from warmstart.preprocess.spec import PreprocessSpec

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
MAX_ASPECT = 10
"""Sides. Of a longer strip only the middle is resized: the shorter side of 1 x 60000 px at 256 would take 12 GB."""


def resized_size(size: tuple[int, int], spec: PreprocessSpec) -> tuple[int, int]:
    """(width, height) to which an image of `size` is resized, before the crop or the padding.

    >>> resized_size((640, 480), PreprocessSpec(size=224, crop_pct=0.875))
    (341, 256)
    """
    if spec.resize == "squash":
        return spec.size, spec.size
    if spec.resize == "pad":
        scale = max(size) / spec.size
        width, height = (max(1, round(side / scale)) for side in size)
        return width, height
    side, short = math.floor(spec.size / spec.crop_pct), min(size)
    width, height = (side if length == short else int(side * length / short) for length in middle(size))
    return width, height


def middle(size: tuple[int, int]) -> tuple[int, int]:
    """The size, or that of the middle of a strip that is longer than `MAX_ASPECT` times its shorter side."""
    longest = MAX_ASPECT * min(size)
    return min(size[0], longest), min(size[1], longest)


@dataclasses.dataclass(frozen=True)
class Placed:
    """Where the pixels of an image come to lie once it is resized and not cropped yet.

    A point (x, y) of the image lies at `scale * (x, y) + shift` afterwards, in a picture of `shape` (height, width), of
    which the image itself covers `inside`: (left, top, right, bottom) without the padding.
    """

    scale: tuple[float, float]
    shift: tuple[float, float]
    shape: tuple[int, int]
    inside: tuple[int, int, int, int]


def placed(size: tuple[int, int], spec: PreprocessSpec) -> Placed:
    """Where an image of `size` (width, height) comes to lie.

    >>> placed((640, 480), PreprocessSpec(size=320, resize="pad"))
    Placed(scale=(0.5, 0.5), shift=(0.0, 40.0), shape=(320, 320), inside=(0, 40, 320, 280))
    """
    width, height = resized_size(size, spec)
    seen = middle(size) if spec.resize == "shortest" else size
    scale = width / seen[0], height / seen[1]
    left, top = ((spec.size - side) // 2 if spec.resize == "pad" else 0 for side in (width, height))
    cut = [(whole - part) // 2 for whole, part in zip(size, seen, strict=True)]
    shift = left - scale[0] * cut[0], top - scale[1] * cut[1]
    shape = (spec.size, spec.size) if spec.resize == "pad" else (height, width)
    return Placed(scale, shift, shape, (left, top, left + width, top + height))


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where an image lies in what a network sees of it: `x * scale_x + left`, `y * scale_y + top`, in pixels.

    `size` is (width, height) of the upright image.
    """

    size: tuple[int, int]
    scale_x: float
    scale_y: float
    left: float
    top: float

    @classmethod
    def of(cls, size: tuple[int, int], spec: PreprocessSpec) -> Placement:
        """The placement of an image of `size` by a spec, for evaluation: resized, and padded or cropped to a square.

        >>> Placement.of((640, 480), PreprocessSpec(size=320, resize="pad"))
        Placement(size=(640, 480), scale_x=0.5, scale_y=0.5, left=0.0, top=40.0)
        """
        whole = placed(size, spec)
        # The crop is rounded as `warmstart.preprocess.image.centre` does.
        top, left = (round((side - spec.size) / 2.0) for side in whole.shape)
        return cls(size, *whole.scale, whole.shift[0] - left, whole.shift[1] - top)

    def seen(self, xyxy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Boxes (k, 4) of the image, as they lie in what the network sees; not clipped.

        >>> Placement((640, 480), 0.5, 0.5, 0, 40).seen(np.array([[0.0, 0.0, 640.0, 480.0]])).tolist()
        [[0.0, 40.0, 320.0, 280.0]]
        """
        return xyxy * self._scale + self._offset

    def stored(self, xyxy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Inverse of `seen`, clipped to the image.

        >>> Placement((640, 480), 0.5, 0.5, 0, 40).stored(np.array([[0.0, 0.0, 320.0, 280.0]])).tolist()
        [[0.0, 0.0, 640.0, 480.0]]
        """
        found = (xyxy - self._offset) / self._scale
        return np.clip(found, 0.0, np.array([*self.size, *self.size], dtype=np.float64))

    @property
    def _scale(self) -> npt.NDArray[np.float64]:
        return np.array([self.scale_x, self.scale_y] * 2, dtype=np.float64)

    @property
    def _offset(self) -> npt.NDArray[np.float64]:
        return np.array([self.left, self.top] * 2, dtype=np.float64)
