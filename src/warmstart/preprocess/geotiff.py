"""TIFF and GeoTIFF with any number of bands: chunky or planar, in strips or tiles, compressed or not, or a page each.

The names of the bands are those of GDAL's metadata (tag 42112) or of OME's, and "no data" is GDAL's (tag 42113). Only
the file itself is read: OME's links to other files are not followed. What a file promises is checked against its length
before anything of that size is allocated, since missing strips would else be read as zeros.
"""

from __future__ import annotations

import contextlib
import html
import importlib
import itertools
import math
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from warmstart.errors import ImageError, MissingExtraError
from warmstart.preprocess.bands import Bands, Header, Values, check_extent, opened
from warmstart.preprocess.opening import begins, name_of

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_TIFF = (b"II", b"MM")
_GDAL_METADATA, _GDAL_NODATA = 42112, 42113
_ORIENTATION = 274
_PLAIN = (1, 2)
"""Photometric interpretations: grey whose zero is black, and RGB."""
_ITEM = re.compile(r"<Item\b([^>]*)>([^<]*)</Item>")
_SAMPLE = re.compile(r'\bsample="(\d{1,4})"')
_CHANNEL = re.compile(r'<(?:\w+:)?Channel\b[^>]*?\bName="([^"]*)"')


def tiff_header(source: str | Path | bytes, max_pixels: int) -> Header:
    """What a TIFF file promises. Raises as `tiff_bands`."""
    with opened(source) as file, _tifffile(source).TiffFile(file) as tiff:
        return _header(_pages(tiff), name_of(source), max_pixels)


def tiff_bands(source: str | Path | bytes, max_pixels: int) -> Bands:
    """All bands of a TIFF file.

    Raises:
        ImageError: values that are no numbers, more of them than allowed, or strips that lie beyond the end.
        MissingExtraError: tifffile or imagecodecs is not installed.
        Exception: any other, of a damaged file.
    """
    name = name_of(source)
    with opened(source) as file, _tifffile(source).TiffFile(file) as tiff:
        pages = _pages(tiff)
        header = _header(pages, name, max_pixels)
        _check_whole(pages, file.seek(0, 2), name)
        values = np.concatenate([_values(page) for page in pages], axis=2)
        return Bands.of(values, _names(pages, header.channels), _nodata(pages[0]))


class TiffRows:
    """Rows of a TIFF file that stays open, of which no more is decoded than the strips or tiles that they lie in.

    Attributes:
        header: size, number and type of the bands.
        names: of the bands, as `tiff_bands` has them.
        nodata: the value that stands for no data.
        is_picture: whether it is 8-bit grey or RGB, upright, and nothing else: Pillow would read the same.
    """

    def __init__(self, file: BinaryIO, tiff: TiffFile, name: str) -> None:
        self._file, self._pages, first = file, _pages(tiff), tiff.pages.first
        self.header = _header(self._pages, name, sys.maxsize)
        _check_whole(self._pages, file.seek(0, 2), name)
        self.names, self.nodata = _names(self._pages, self.header.channels), _nodata(self._pages[0])
        plain = int(first.photometric) in _PLAIN and len(self._pages) == 1 and not first.extrasamples
        upright = _ORIENTATION not in first.tags or first.tags[_ORIENTATION].value == 1
        self.is_picture = plain and upright and first.dtype == np.uint8 and self.header.channels in (1, 3)

    @classmethod
    @contextlib.contextmanager
    def opened(cls, source: str | Path | bytes) -> Iterator[TiffRows]:
        """Of a file, which is closed behind it. Raises as `tiff_bands`."""
        with opened(source) as file, _tifffile(source).TiffFile(file) as tiff:
            yield cls(file, tiff, name_of(source))

    def read(self, top: int, bottom: int) -> Values:
        """Rows (h, W, C) as they are stored."""
        return np.concatenate([self._of_page(page, top, bottom) for page in self._pages], axis=2)

    def _of_page(self, page: TiffPage, top: int, bottom: int) -> Values:
        separate, _, height, width, together = page.shaped
        high, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, width)
        down, along = math.ceil(height / high), math.ceil(width / wide)
        found = np.full((separate, bottom - top, width, together), page.nodata, page.dtype)
        for plane, row, column in itertools.product(range(separate), range(top // high, down), range(along)):
            if row * high >= bottom:
                continue
            index = (plane * down + row) * along + column
            self._file.seek(page.dataoffsets[index])
            data = self._file.read(page.databytecounts[index]) or None
            values, (_, _, y, x, _), _ = page.decode(data, index, jpegtables=page.jpegtables)
            if values is not None:
                first, last = max(top, y), min(bottom, y + values.shape[1])
                right = min(x + wide, width)  # a tile may reach beyond the image
                found[plane, first - top : last - top, x:right] = values[0, first - y : last - y, : right - x]
        return np.moveaxis(found, 0, 2).reshape(bottom - top, width, separate * together)


def _check_whole(pages: Sequence[TiffPage], length: int, name: str) -> None:
    """Raise `ImageError` where strips or tiles lie beyond the end of a file of `length` bytes."""
    for page in pages:
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        if max(ends, default=0) > length or not page.dataoffsets:
            raise ImageError(
                f"{name} cannot be read: it is truncated", expected="a whole file", do="replace or remove it"
            )


def _tifffile(source: str | Path | bytes) -> Any:
    try:
        importlib.import_module("imagecodecs")  # without it tifffile reads some files, and fails in others
        return importlib.import_module("tifffile")
    except ImportError as error:
        raise MissingExtraError(f"the bands of the TIFF image {name_of(source)}", "bands") from error


def _pages(tiff: TiffFile) -> list[TiffPage]:
    """The page that holds all bands; or, where the first holds one, it and all further ones of its size and type."""
    first: Any = tiff.pages.first
    if first.samplesperpixel > 1:
        return [first]
    alike: list[Any] = [first]
    for page in tiff.pages[1:]:
        whole: Any = page.aspage()
        other = whole.is_reduced or whole.is_mask  # overviews and masks of a cloud-optimised GeoTIFF
        if not other and (whole.shape, whole.dtype) == (first.shape, first.dtype):
            alike.append(whole)
    return alike


def _header(pages: Sequence[TiffPage], name: str, max_pixels: int) -> Header:
    page = pages[0]
    separate, depth, height, width, together = page.shaped
    if depth != 1 or page.dtype is None:
        raise ImageError(f"{name} is a TIFF image of another kind", expected="bands of numbers, (H, W) each")
    header = Header((width, height), len(pages) * separate * together, str(page.dtype))
    check_extent(header, name, max_pixels)
    return header


def _values(page: TiffPage) -> Values:
    """(H, W, C) of a page."""
    separate, _, height, width, together = page.shaped
    values = page.asarray(maxworkers=1).reshape(separate, height, width, together)
    return np.moveaxis(values, 0, 2).reshape(height, width, separate * together)


def _names(pages: Sequence[TiffPage], channels: int) -> tuple[str, ...]:
    """A name for each band, "" where the file has none for it; empty if it has none at all."""
    names = [""] * channels
    tag = pages[0].tags.get(_GDAL_METADATA)
    for facts, text in _ITEM.findall(str(tag.value) if tag is not None else ""):
        sample = _SAMPLE.search(facts)
        if 'role="description"' in facts and sample and int(sample[1]) < channels:
            names[int(sample[1])] = html.unescape(text).strip()
    if not any(names):
        of_ome = _CHANNEL.findall(pages[0].description)
        names = [html.unescape(text).strip() for text in of_ome] if len(of_ome) == channels else names
    return tuple(names) if any(names) else ()


def _nodata(page: TiffPage) -> float | None:
    tag = page.tags.get(_GDAL_NODATA)
    with contextlib.suppress(ValueError):
        return None if tag is None else float(str(tag.value).strip("\0 "))
    return None


def tiff_tile(source: str | Path, box: tuple[int, int, int, int], *, picture: bool) -> Bands | None:
    """The bands of the part (left, top, right, bottom) of a TIFF file, of which little more is read; `None` of a file
    of another kind, and where a `picture` is wanted and it is none that is stored as such.

    Raises:
        MissingExtraError: tifffile or imagecodecs is not installed, and no picture is wanted.
    """
    if begins(source, 2) not in _TIFF:
        return None
    left, top, right, bottom = box
    try:
        with TiffRows.opened(source) as tiff:
            if picture and not tiff.is_picture:
                return None
            return Bands.of(tiff.read(top, bottom)[:, left:right], tiff.names, tiff.nodata)
    except MissingExtraError:
        if picture:
            return None
        raise
