"""From a map over what the network sees of an input to one over the input as it is stored."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional

from warmstart.data.schema import Sample, Series
from warmstart.data.shown import picture_of
from warmstart.preprocess.geometry import Placement
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec

FloatArray = npt.NDArray[np.float32]
LARGEST = 1024
"""Longer side of a picture that is shown, in pixels: of a larger image there is one of so many."""
_FINE = 8
"""Points along an edge of a pixel that the map is read at, at most, where pixels are larger than its places."""


def shown_image(sample: Sample, values: FloatArray, spec: PreprocessSpec) -> tuple[Image.Image, FloatArray]:
    """The upright picture, and a map (side, side) as it lies in it (h, w): resize, crop and padding are undone.

    What the network does not see of it is zero.
    """
    image = picture_of(sample.source)
    placement = Placement.of(image.size, spec)
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return image, placed_back(values, placement, image.size)


def shown_box(
    sample: Sample, edges: Sequence[float], spec: PreprocessSpec
) -> tuple[tuple[float, ...], tuple[int, int]]:
    """A box of what the network sees as one of the upright image, and the size (width, height) of that."""
    size = picture_of(sample.source).size
    found = Placement.of(size, spec).stored(np.array([edges], dtype=np.float64))
    return tuple(found[0].tolist()), size


def placed_back(values: FloatArray, placement: Placement, size: tuple[int, int]) -> FloatArray:
    """A map (side, side) over a picture (width, height) of the placed image: (height, width).

    >>> seen = np.array([[0, 0, 1, 1]] * 4, np.float32)
    >>> placed_back(seen, Placement((8, 4), 0.5, 1.0, 0.0, 0.0), (8, 4))[0].round(2).tolist()
    [0.0, 0.0, 0.0, 0.25, 0.75, 1.0, 1.0, 1.0]
    """
    side = values.shape[0]
    scales, shifts = (placement.scale_x, placement.scale_y), (placement.left, placement.top)
    grids, fine = [], []
    for full, length, scale, shift in zip(placement.size, size, scales, shifts, strict=True):
        finer = max(1, min(_FINE, math.ceil(scale * full / length)))
        points = (torch.arange(length * finer, dtype=torch.float32) + 0.5) / (length * finer) * full
        grids.append(2 * (points * scale + shift) / side - 1)
        fine.append(finer)
    grid = torch.stack(torch.meshgrid(grids[0], grids[1], indexing="xy"), -1)[None]
    inside = (grid.abs() <= 1).all(-1)[:, None]
    found = functional.grid_sample(
        torch.from_numpy(values)[None, None], grid, align_corners=False, padding_mode="border"
    )
    found = found * inside
    found = functional.avg_pool2d(found, (fine[1], fine[0])) if max(fine) > 1 else found
    array: FloatArray = found[0, 0].numpy()
    return array


def shown_series(sample: Sample, values: FloatArray, spec: SeriesSpec) -> tuple[FloatArray, FloatArray]:
    """The values of the series, and a map (channels, size) over its own steps, of the same sum."""
    source = sample.source
    stored = np.asarray(source.values if isinstance(source, Series) else source, dtype=np.float32)
    steps = stored.shape[1]
    return stored, stretched_back(values, steps, spec)


def stretched_back(values: FloatArray, steps: int, spec: SeriesSpec) -> FloatArray:
    """A map (channels, size) of what was read of a series over its own steps (channels, steps), of the same sum.

    >>> stretched_back(np.array([[0.0, 1.0, 0.0, 2.0]], np.float32), 3, SeriesSpec(size=4)).round(2)
    array([[0.33, 0.67, 2.  ]], dtype=float32)
    """
    size = values.shape[1]
    if steps == size:
        return values
    found = np.zeros((len(values), steps), np.float32)
    if spec.lengths == "pad":
        if steps > size:
            found[:, -size:] = values
        else:
            found[:] = values[:, :steps]
            found[:, -1] += values[:, steps:].sum(1)
        return found
    # What is read lies between two steps; each gets its share, as in the interpolation (its adjoint).
    places = np.linspace(0, steps - 1, size)
    before = np.minimum(places.astype(np.int64), max(steps - 2, 0))
    share = (places - before).astype(np.float32)
    for row, channel in zip(found, values, strict=True):
        np.add.at(row, before, channel * (1 - share))
        np.add.at(row, np.minimum(before + 1, steps - 1), channel * share)
    return found
