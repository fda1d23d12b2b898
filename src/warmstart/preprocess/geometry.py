"""Where an image comes to lie: the size it is resized to, and the filters, the same for pictures and for bands."""

from __future__ import annotations

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
