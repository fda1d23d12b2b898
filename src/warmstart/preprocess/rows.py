"""Rows of an image that may be larger than memory, as the pixels that a network is given, neither cut nor resized.

Arrays in memory, `.npy` files and TIFF are read row by row: of a TIFF no more is decoded than the strips or tiles that
the rows lie in (one that is stored as a single strip is one piece). PNG, JPEG and the others can only be decoded as a
whole, and so are TIFF that are pictures of another kind than 8-bit grey or RGB; memory then holds 3 bytes for each
pixel, 300 MB of 10,000 x 10,000.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from warmstart.errors import BandsError, MissingExtraError
from warmstart.preprocess.bands import Bands, Values, channels_last, npy_header
from warmstart.preprocess.choosing import chosen
from warmstart.preprocess.cutting import Tile
from warmstart.preprocess.geotiff import TiffRows
from warmstart.preprocess.image import to_pixels
from warmstart.preprocess.opening import MAX_PIXELS, Source, begins, name_of
from warmstart.preprocess.reader import decode, guarded
from warmstart.preprocess.resample import filled, from_array
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import NPY, TIFF, read_bands, read_picture

MOST = 2 * MAX_PIXELS
"""Pixels of an image that has to be decoded as a whole; of others there may be any number."""
_ONE_BY_ONE = (np.uint8, np.uint16, np.bool_)
"""What each value of such arrays is as a picture does not depend on the others."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """An image that rows are read of.

    Args:
        size: (width, height).
        whole: whether it lies in memory, decoded.
        read: rows from a first one up to another as pixels (C, h, W), uint8 of pictures, ready for `normalise`. Raises
            `ImageError` for a file that is damaged there.
    """

    size: tuple[int, int]
    whole: bool
    read: Callable[[int, int], Tensor]


@contextlib.contextmanager
def opened_rows(source: Source, spec: PreprocessSpec, *, max_pixels: int = MOST) -> Iterator[Rows]:
    """The rows of an image, as `spec` says which bands and how they are scaled; its size plays no part.

    Args:
        source: path or bytes of a file, PIL image, or array.
        spec: what the network expects.
        max_pixels: width x height that is refused beyond, of what has to be decoded as a whole.

    Raises:
        ImageError, BandsError, MissingExtraError: as `read_picture` and `read_bands`.

    >>> with opened_rows(np.zeros((600, 400, 3), np.uint8), PreprocessSpec()) as rows:
    ...     rows.size, rows.read(10, 20).shape
    ((400, 600), torch.Size([3, 10, 400]))
    """
    with contextlib.ExitStack() as stack:
        with guarded(source, max_pixels), warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # ours is `max_pixels`
            found = _opened(source, spec, max_pixels, stack)
        yield found


def _opened(source: Source, spec: PreprocessSpec, max_pixels: int, stack: contextlib.ExitStack) -> Rows:
    if isinstance(source, np.ndarray):
        return _of_array(source, source, spec, max_pixels, whole=True)
    start = b"" if isinstance(source, Image.Image | Tile) else begins(source, 2)
    if start in TIFF and not isinstance(source, Image.Image | Tile):
        found = _of_tiff(source, spec, stack)
        if found is not None:
            return found
    if start in NPY and isinstance(source, str | Path):
        _, axis = npy_header(source, spec.channels, np.iinfo(np.int64).max)
        stored = np.load(source, mmap_mode="r", allow_pickle=False)
        return _of_array(source, channels_last(stored, axis), spec, max_pixels, whole=False)
    if spec.banded:
        return _of_bands(read_bands(source, spec, max_pixels=max_pixels), spec)
    try:
        return _of_picture(decode(source, max_pixels=max_pixels).image, spec)
    except BandsError:  # bands that may be a picture
        return _of_picture(read_picture(source, spec, lambda _: 1).image, spec)


def _of_tiff(source: str | Path | bytes, spec: PreprocessSpec, stack: contextlib.ExitStack) -> Rows | None:
    """`None` where it is a picture that only the reader of pictures reads as it is meant."""
    try:
        tiff = stack.enter_context(TiffRows.opened(source))
    except MissingExtraError:
        if spec.banded:
            raise
        return None
    if not (spec.banded or tiff.is_picture):
        return None

    def read(top: int, bottom: int) -> Tensor:
        with guarded(source, MOST):
            values = tiff.read(top, bottom)
            return _chosen(source, values, spec, tiff.names, tiff.nodata) if spec.banded else _pixels(values, spec)

    return Rows(tiff.header.size, False, read)


def _of_array(source: Source, array: Values, spec: PreprocessSpec, max_pixels: int, *, whole: bool) -> Rows:
    size = (array.shape[1], array.shape[0]) if array.ndim > 1 else (0, 0)
    if spec.banded and array.ndim > 1:
        return Rows(size, whole, lambda top, bottom: _chosen(source, array[top:bottom], spec))
    if not spec.banded and array.dtype in _ONE_BY_ONE and array.ndim > 1 and array.shape[2:] in ((), (1,), (3,), (4,)):
        return Rows(size, whole, lambda top, bottom: _pixels(array[top:bottom], spec))
    return _of_picture(decode(np.asarray(array), max_pixels=max_pixels).image, spec)


def _of_bands(bands: Bands, spec: PreprocessSpec) -> Rows:
    values = filled(bands, spec)
    return Rows(bands.size, True, lambda top, bottom: from_array(values[top:bottom]))


def _of_picture(image: Image.Image, spec: PreprocessSpec) -> Rows:
    def read(top: int, bottom: int) -> Tensor:
        return _as_mode(image.crop((0, top, image.width, bottom)), spec)

    return Rows(image.size, True, read)


def _chosen(
    source: Source, values: Values, spec: PreprocessSpec, names: tuple[str, ...] = (), nodata: float | None = None
) -> Tensor:
    bands = Bands.of(channels_last(values, None if values.ndim == 2 else 2), names, nodata)
    return from_array(filled(chosen(bands, spec, name_of(source)), spec))


def _pixels(values: Values, spec: PreprocessSpec) -> Tensor:
    return _as_mode(decode(np.asarray(values), max_pixels=values.size + 1).image, spec)


def _as_mode(image: Image.Image, spec: PreprocessSpec) -> Tensor:
    mode = "L" if spec.channels == 1 else "RGB"
    return to_pixels(image if image.mode == mode else image.convert(mode))
