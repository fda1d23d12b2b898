"""Where an image comes to lie: the size it is resized to, and the filters, the same for pictures and for bands."""

from __future__ import annotations

import dataclasses
import math

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
