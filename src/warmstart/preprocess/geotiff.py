"""TIFF and GeoTIFF with any number of bands: chunky or planar, in strips or tiles, compressed or not, or a page each.

The names of the bands are those of GDAL's metadata (tag 42112) or of OME's, and "no data" is GDAL's (tag 42113). Only
the file itself is read: OME's links to other files are not followed. What a file promises is checked against its length
before anything of that size is allocated, since missing strips would else be read as zeros.
"""

from __future__ import annotations

import contextlib
import html
import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warmstart.errors import ImageError, MissingExtraError
from warmstart.preprocess.bands import Bands, Header, Values, check_extent, opened
from warmstart.preprocess.opening import name_of

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_GDAL_METADATA, _GDAL_NODATA = 42112, 42113
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
        length = file.seek(0, 2)
        for page in pages:
            ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
            if max(ends, default=0) > length or not page.dataoffsets:
                raise ImageError(
                    f"{name} cannot be read: it is truncated", expected="a whole file", do="replace or remove it"
                )
        values = np.concatenate([_values(page) for page in pages], axis=2)
        return Bands.of(values, _names(pages, header.channels), _nodata(pages[0]))


def tiff_facts(source: str | Path) -> tuple[tuple[str, ...], float | None]:
    """Names of the bands of a TIFF file, empty if it has none, and its "no data"; no values are read.

    Raises:
        MissingExtraError: tifffile or imagecodecs is not installed.
    """
    with opened(source) as file, _tifffile(source).TiffFile(file) as tiff:
        pages = _pages(tiff)
        separate, _, _, _, together = pages[0].shaped
        return _names(pages, len(pages) * separate * together), _nodata(pages[0])


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
