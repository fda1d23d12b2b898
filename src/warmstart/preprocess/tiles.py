"""One reader of bands, beside the one of pictures: any number of channels, with the values that are stored.

A spec that is `banded` has every source read so: `.npy` files, TIFF, arrays, and pictures of other formats, whose
channels are bands as well. A spec of pictures has bands refused with what to do, unless they can be a picture.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from PIL import Image

from warmstart.errors import BandsError
from warmstart.preprocess import reader
from warmstart.preprocess.bands import Bands, Header, array_bands, channels_last, check_extent, npy_array, npy_header
from warmstart.preprocess.choosing import check_number, chosen
from warmstart.preprocess.cutting import LARGEST, Tile
from warmstart.preprocess.geotiff import tiff_bands, tiff_header, tiff_tile
from warmstart.preprocess.opening import MAX_PIXELS, Source, begins, check_size, name_of
from warmstart.preprocess.reader import Decoded, decode, guarded
from warmstart.preprocess.spec import PreprocessSpec

_PICTURE = (1, 3, 4)
"""Channels that an array in memory may have to be a picture."""


def read_bands(source: Source, spec: PreprocessSpec, *, max_pixels: int = MAX_PIXELS) -> Bands:
    """The bands of a source that a banded spec takes, in its order, as they are stored.

    Args:
        source: path or bytes of a file, PIL image, or array (H, W) or (H, W, C).
        spec: how many there must be, and their names.
        max_pixels: width x height that is refused beyond, before anything is decoded.

    Raises:
        ImageError: missing, damaged, of another format, or too large.
        BandsError: the number is another and there are no names, or a name is missing.
        MissingExtraError: a TIFF image, and the packages for it are not installed.

    >>> read_bands(np.zeros((4, 6, 13), np.uint16), PreprocessSpec().with_channels(13)).size
    (6, 4)
    """
    return chosen(_bands(source, spec.channels, max_pixels), spec, name_of(source))


def read_picture(source: Source, spec: PreprocessSpec, reduction: Callable[[tuple[int, int]], int]) -> Decoded:
    """A picture, as `decode` reads it; bands that may be one by the rules for arrays in memory.

    Raises:
        BandsError: there are more bands than a picture has.
        ImageError, MissingExtraError: as `decode`.
    """
    if _many(source):
        check_number(header_of(source), spec, name_of(source))
    try:
        return decode(source, reduction=reduction)
    except BandsError:
        header = header_of(source, spec.channels)
        if header.channels not in _PICTURE:
            check_number(header, spec, name_of(source))
        return decode(_bands(source, spec.channels, MAX_PIXELS).values)


def read_stored(source: Source) -> Decoded | Bands:
    """What there is to see of a source where no backbone says what it takes: a picture, or else all bands.

    Raises:
        ImageError, MissingExtraError: as `decode` and `read_bands`.
    """
    if _many(source):
        return _bands(source, None, MAX_PIXELS)
    try:
        return decode(source)
    except BandsError:
        bands = _bands(source, None, MAX_PIXELS)
        return decode(bands.values) if bands.header.channels in (1, 3) else bands


def header_of(source: Source, channels: int | None = None, max_pixels: int = MAX_PIXELS) -> Header:
    """What a source promises, its values unread. Raises as `read_bands`."""
    if isinstance(source, Tile):
        return dataclasses.replace(header_of(source.source, channels, LARGEST), size=source.size)
    with guarded(source, max_pixels):
        if isinstance(source, np.ndarray):
            return array_bands(source).header
        if isinstance(source, Image.Image) or begins(source, 2) not in TIFF | NPY:
            one = array_bands(np.asarray(Image.new(reader.stored_as(source)[0], (1, 1)))).header
            return dataclasses.replace(one, size=reader.image_size(source) or (0, 0))
        if begins(source, 2) in NPY:
            return npy_header(source, channels, max_pixels)[0]
        return tiff_header(source, max_pixels)


def image_size(source: Source) -> tuple[int, int] | None:
    """(width, height) of an upright picture or of bands by the header; `None` if there is none that can be read."""
    found = reader.image_size(source)
    if found is None and not isinstance(source, Image.Image):
        try:
            return header_of(source).size
        except Exception:  # as `reader.image_size` has it
            return None
    return found


def stored_as(source: Source) -> tuple[str, tuple[str, ...]]:
    """As `warmstart.preprocess.reader.stored_as`, also of files with bands that are read as a picture."""
    try:
        return reader.stored_as(source)
    except BandsError:
        return reader.stored_as(np.zeros((1, 1), header_of(source).dtype))


TIFF, NPY = {b"II", b"MM"}, {b"\x93N"}


def _many(source: Source) -> bool:
    """Whether it is an array in memory with more channels than a picture."""
    return isinstance(source, np.ndarray) and source.ndim == 3 and source.shape[2] not in _PICTURE


def _bands(source: Source, channels: int | None, max_pixels: int) -> Bands:
    name = name_of(source)
    with guarded(source, max_pixels):
        if isinstance(source, Tile):
            check_size(source.size, name, max_pixels)
            return _of_tile(source, channels)
        if isinstance(source, np.ndarray):
            found = array_bands(source)
            check_extent(found.header, name, max_pixels)
            return found
        if not isinstance(source, Image.Image):
            start = begins(source, 2)
            if start in NPY:
                _, axis = npy_header(source, channels, max_pixels)
                return Bands.of(channels_last(npy_array(source), axis))
            if start in TIFF:
                return tiff_bands(source, max_pixels)
        image = reader.as_stored(source, max_pixels)
        return array_bands(np.asarray(image))


def _of_tile(tile: Tile, channels: int | None) -> Bands:
    found = tiff_tile(tile.source, tile.box, picture=False)
    if found is not None:
        return found
    whole = _bands(tile.source, channels, LARGEST)
    left, top, right, bottom = tile.box
    return dataclasses.replace(whole, values=whole.values[top:bottom, left:right])
