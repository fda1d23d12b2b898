"""Bands to a size, and to a picture to be looked at.

Each band is resized alone, in float32 (Pillow's mode F, with the filters of pictures), and keeps its number format:
integers are rounded, and cut off at the ends of their range, which bicubic overshoots. What is missing is filled before
with the mean of the band, as the spec has it, so that it is 0 once normalised and spreads nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from warmstart.preprocess.bands import Bands, Values
from warmstart.preprocess.choosing import canonical
from warmstart.preprocess.geometry import FILTERS, middle, resized_size
from warmstart.preprocess.spec import PreprocessSpec

_COLOURS = ("B04", "B03", "B02")
"""Red, green and blue of Sentinel-2; others are shown by their first three bands."""
_STRETCH = (2, 98)
"""Percentiles of the values that become black and white."""
_SEEN = 128
"""Rows and columns, at least, that they are taken from."""

Box = tuple[float, float, float, float]


def fit_bands(bands: Bands, spec: PreprocessSpec) -> Tensor:
    """Resize bands as `spec` says, uncropped: (C, H, W) of their number format.

    >>> fit_bands(Bands(np.zeros((40, 60, 13), np.uint16)), PreprocessSpec(28).with_channels(13)).dtype
    torch.uint16
    """
    values, (width, height) = filled(bands, spec), middle(bands.size)
    if spec.resize == "shortest" and (width, height) != bands.size:
        left, top = (bands.size[0] - width) // 2, (bands.size[1] - height) // 2
        values = values[top : top + height, left : left + width]
    values = resize(values, resized_size(bands.size, spec), FILTERS[spec.interpolation])
    return from_array(_padded(values, spec) if spec.resize == "pad" else values)


def from_array(values: Values) -> Tensor:
    """(C, H, W) of values (H, W, C): a copy of its own, channels last in memory."""
    return torch.from_numpy(np.array(values, order="C")).permute(2, 0, 1)


def resize(values: Values, size: tuple[int, int], method: Image.Resampling, box: Box | None = None) -> Values:
    """Values (H, W, C) at another (width, height), of the same type; `box` (left, top, right, bottom) cuts first."""
    if (values.shape[1], values.shape[0]) == size and box is None:
        return values
    planes = (Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(values, 2, 0))
    resized = np.stack([np.asarray(plane.resize(size, method, box)) for plane in planes], axis=2)
    return _as(resized, values.dtype)


def filled(bands: Bands, spec: PreprocessSpec) -> Values:
    """The values, with the mean of the band where one is missing."""
    gaps = bands.missing()
    return bands.values if gaps is None else np.where(gaps, fill(bands, spec), bands.values)


def fill(bands: Bands, spec: PreprocessSpec) -> Values:
    """What stands for a missing value in each band, (C,); where the spec knows no mean, that of the image."""
    if spec.scale is not None:
        return _fill(spec, bands.values.dtype)
    gaps = bands.missing()
    known = np.ones(bands.values.shape, bool) if gaps is None else ~gaps
    total = np.where(known, bands.values, 0).sum((0, 1), dtype=np.float64)
    return _as(total / np.maximum(known.sum((0, 1)), 1), bands.values.dtype)


def preview(values: Values, names: Sequence[str]) -> Image.Image:
    """An RGB picture of values (H, W, C): three bands by name, or the first, each stretched from 2 to 98 %."""
    plain = [canonical(name) for name in names]
    at = [plain.index(colour) for colour in _COLOURS if colour in plain]
    if len(at) < len(_COLOURS):
        at = [0, 1, 2] if values.shape[2] >= len(_COLOURS) else [0, 0, 0]
    return Image.fromarray(stretched(values[:, :, at]))


def stretched(values: Values) -> npt.NDArray[np.uint8]:
    """Each band (H, W, C) to 0..255 between its 2nd and 98th percentile; what is not finite is black."""
    plain = values.astype(np.float32)
    plain[~np.isfinite(plain)] = np.nan
    down, across = (max(1, side // _SEEN) for side in values.shape[:2])
    shown = np.empty(values.shape, np.uint8)
    for band in range(values.shape[2]):
        known = plain[::down, ::across, band]
        known = known[~np.isnan(known)]
        low, high = np.percentile(known, _STRETCH) if known.size else (0.0, 0.0)
        scaled = (plain[..., band] - np.float32(low)) / np.float32(max(high - low, np.finfo(np.float32).tiny))
        shown[..., band] = np.rint(np.nan_to_num(scaled.clip(0, 1)) * 255)
    return shown


def _padded(values: Values, spec: PreprocessSpec) -> Values:
    """In the middle of a square of the mean, which is 0 once normalised."""
    height, width, channels = values.shape
    square = np.empty((spec.size, spec.size, channels), values.dtype)
    square[:] = fill(Bands(values), spec)
    top, left = (spec.size - height) // 2, (spec.size - width) // 2
    square[top : top + height, left : left + width] = values
    return square


def _fill(spec: PreprocessSpec, dtype: np.dtype[Any]) -> Values:
    return _as(np.array(spec.mean, np.float64) * (spec.scale or 1.0), dtype)


def _as(values: Values, dtype: np.dtype[Any]) -> Values:
    """Values as another type: rounded, and cut off at the ends of its range."""
    if dtype.kind == "f":
        return values.astype(dtype)
    info = np.iinfo(dtype)
    return np.rint(values).clip(info.min, info.max).astype(dtype)
