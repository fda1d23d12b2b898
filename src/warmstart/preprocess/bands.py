"""Bands as they are stored: arrays with any number of channels, and `.npy` files of them.

Nothing is scaled to 8 bits. Values stay uint8, uint16, int16 or float32 where they are stored so; other numbers become
float32. A value that is not finite, or that the file calls "no data", is *missing*: it is counted, and filled with the
mean of its band in `warmstart.preprocess.resample`.

In a `.npy` file channels lie first or last: they are the axis as long as the number of channels that is wanted; if both
are, that is an error. An array in memory has its channels last. Pickled objects are refused by the header.
"""

from __future__ import annotations

import dataclasses
import io
import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from warmstart.errors import BandsError, ImageError
from warmstart.preprocess.opening import check_size, name_of, reason, too_large

Values = npt.NDArray[Any]

MOST_BANDS = 1024
"""More are taken for a mistake in the order of the axes, or a header made to exhaust memory."""
VALUES = 4
"""Values for each of the pixels allowed, so that many bands make the largest image smaller."""
KEPT = ("uint8", "uint16", "int16", "float32")
_VERSIONS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclasses.dataclass(frozen=True)
class Header:
    """What is known of stored bands before their values are read."""

    size: tuple[int, int]
    """(width, height)"""
    channels: int
    dtype: str

    def __str__(self) -> str:
        return f"{self.channels} band{'' if self.channels == 1 else 's'} of {self.dtype}"


@dataclasses.dataclass(frozen=True)
class Bands:
    """The bands of one image, with the names that the file has for them ("" where it has none)."""

    values: Values
    """(H, W, C) of one of the dtypes `KEPT`."""
    names: tuple[str, ...] = ()
    nodata: float | None = None
    """The value that stands for "no data", besides those that are not finite."""

    @property
    def header(self) -> Header:
        """Size, number and type."""
        height, width, channels = self.values.shape
        return Header((width, height), channels, str(self.values.dtype))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)"""
        return self.header.size

    def missing(self) -> npt.NDArray[np.bool_] | None:
        """Where there is no value, (H, W, C); `None` where there is one everywhere."""
        gaps = None if self.values.dtype.kind != "f" else ~np.isfinite(self.values)
        if self.nodata is not None and math.isfinite(self.nodata):
            named = self.values == self.nodata
            gaps = named if gaps is None else gaps | named
        return gaps if gaps is not None and gaps.any() else None

    @classmethod
    def of(cls, values: Values, names: tuple[str, ...] = (), nodata: float | None = None) -> Bands:
        """Bands of an array (H, W, C) of any numbers. Raises `ImageError` for values that are no real numbers."""
        if values.dtype.kind not in "buif":
            raise ImageError(f"values of type {values.dtype} are no bands", expected="integers, floats or bool")
        kept = str(values.dtype.newbyteorder("=")) if str(values.dtype.newbyteorder("=")) in KEPT else "float32"
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and so it is missing
            plain = values.astype("uint8" if values.dtype.kind == "b" else kept, copy=False)
        return cls(np.ascontiguousarray(plain), names, nodata)


def array_bands(array: Values) -> Bands:
    """Bands of an array in memory: (H, W) or (H, W, C).

    >>> array_bands(np.zeros((4, 6, 13), np.float64)).header
    Header(size=(6, 4), channels=13, dtype='float32')
    """
    return Bands.of(channels_last(array, channels_at(array.shape, None, "the array", last=True)))


def channels_last(array: Values, axis: int | None) -> Values:
    """(H, W, C) of an array whose channels are at `axis`; `None`: it has none."""
    return array[..., None] if axis is None else np.moveaxis(array, axis, 2)


def channels_at(shape: tuple[int, ...], channels: int | None, name: str, *, last: bool = False) -> int | None:
    """0 or 2: the axis of the channels; `None` of an array (H, W).

    Args:
        shape: of the array.
        channels: how many are wanted. Where that is not known, or no axis is as long, the shorter of first and last.
        name: what an error calls it.
        last: whether they are known to lie last.

    Raises:
        ImageError: it has not two or three axes, or an axis without length.
        BandsError: first and last axis are both as long as the number wanted.

    >>> channels_at((13, 64, 64), 13, "a.npy"), channels_at((64, 64, 13), 13, "a.npy")
    (0, 2)
    """
    if len(shape) not in (2, 3) or 0 in shape:
        raise ImageError(f"{name} is an array of shape {shape}", expected="(H, W), (H, W, C) or (C, H, W), none of 0")
    if len(shape) == 2:
        return None
    first = shape[0] == channels if channels in (shape[0], shape[2]) else shape[0] < shape[2]
    if not last and shape[0] == shape[2] == channels:
        raise BandsError(
            f"{name} is an array of shape {shape}, whose first and last axis both may be its {channels} bands",
            expected="one axis as long as the number of bands",
            do="save it with one more row or column of pixels, or as TIFF",
        )
    return 0 if first and not last else 2


def npy_header(source: str | Path | bytes, channels: int | None, max_pixels: int) -> tuple[Header, int | None]:
    """What a `.npy` file promises, and the axis of its channels. Nothing of that size is allocated.

    Raises:
        ImageError: it is damaged, holds objects, is shorter than its header says, or larger than allowed.
    """
    name = name_of(source)
    with opened(source) as file:
        try:
            version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call, unused-ignore]
            shape, _, dtype = _VERSIONS[version](file)  # type: ignore[no-untyped-call, unused-ignore]
            start = file.tell()
        except (ValueError, KeyError, OSError) as error:
            detail = reason(source, error).splitlines()[0]
            raise ImageError(f"{name} cannot be read as .npy: {detail}", do="write it again, or remove it") from error
        held = file.seek(0, io.SEEK_END) - start
    if dtype.hasobject:
        raise ImageError(f"{name} holds Python objects, which are never loaded", "an array of numbers", "save numbers")
    axis = channels_at(shape, channels, name)
    height, width = (n for i, n in enumerate(shape) if i != axis)
    header = Header((width, height), 1 if axis is None else shape[axis], str(dtype))
    check_extent(header, name, max_pixels)
    if held < math.prod(shape) * dtype.itemsize:
        raise ImageError(f"{name} cannot be read: it is truncated", expected="a whole file", do="replace or remove it")
    return header, axis


def npy_array(source: str | Path | bytes) -> Values:
    """The array of a `.npy` file whose header was read by `npy_header`."""
    with opened(source) as file:
        array: Values = np.load(file, allow_pickle=False)
    return array


def opened(source: str | Path | bytes) -> BinaryIO:
    """A file, to be closed. Raises `OSError` if there is none."""
    return io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")


def check_extent(header: Header, name: str, max_pixels: int) -> None:
    """Raises `ImageError` if there are no pixels, more than allowed, or too many bands."""
    check_size(header.size, name, max_pixels)
    if not 0 < header.channels <= MOST_BANDS:
        raise ImageError(f"{name} has {header}", expected=f"1 to {MOST_BANDS} bands", do="check the order of its axes")
    if math.prod(header.size) * header.channels > VALUES * max_pixels:
        raise too_large(name, f"{header.size[0]} x {header.size[1]} x {header.channels}", max_pixels)
