"""Masks as a class index for every pixel: from files with an index or a colour for each, from arrays, from outlines.

What the values of a file mean is said by its legend, and classes are found by name. A mask belongs to the upright
image. One that has the size of the image before EXIF turns it was drawn on the stored pixels, and is turned with it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.data.annotations import IGNORED, Boxes, Legend, Mask, Outline
from warmstart.errors import DataError, MissingExtraError
from warmstart.preprocess.bands import npy_array, npy_header
from warmstart.preprocess.cutting import LARGEST, Tile
from warmstart.preprocess.geotiff import tiff_tile
from warmstart.preprocess.opening import ARRAYS, MAX_PIXELS, check_size, open_image
from warmstart.preprocess.reader import guarded, orientation
from warmstart.preprocess.tiles import image_size

Classes = npt.NDArray[np.uint8]
Stored = npt.NDArray[Any]
MOST_CLASSES = IGNORED
"""Indices are bytes, and one of them is that of ignored pixels."""
_MISSING = -1
_TURNED: dict[int, Callable[[Stored], Stored]] = {
    5: lambda stored: np.swapaxes(stored, 0, 1),
    6: lambda stored: np.rot90(stored, 3),
    7: lambda stored: np.swapaxes(np.rot90(stored, 2), 0, 1),
    8: np.rot90,
}
"""How EXIF turns what exchanges width and height then (EXIF 2.3, table 4); the others leave the size as it is."""
_SHOWN = 5


def class_indices(mask: Mask, classes: Sequence[str], source: Any, size: tuple[int, int]) -> Classes:
    """The class of each pixel (H, W) of the upright image, `IGNORED` where there is none.

    Args:
        mask: what was marked.
        classes: of the target.
        source: of the image.
        size: (width, height) of the upright image.

    Raises:
        DataError: the mask is of another size than its image, has a value that the legend lacks, or a class that the
            target lacks; or there are too many classes.
        ImageError: it cannot be read.
        MissingExtraError: it is made of outlines, and the package that fills them is not installed.

    >>> mask = Mask(np.array([[0, 1], [9, 0]], np.uint8), Legend({0: "sea", 1: "land", 9: None}))
    >>> class_indices(mask, ("land", "sea"), None, (2, 2)).tolist()
    [[1, 0], [255, 1]]
    """
    if len(classes) > MOST_CLASSES:
        raise DataError(f"{len(classes)} classes of pixels", expected=f"at most {MOST_CLASSES}")
    if mask.window is not None:
        return _part(mask, mask.window, classes, source)
    index = {name: i for i, name in enumerate(classes)}
    where = _where(mask, source)
    if isinstance(mask.source, Boxes):
        return _filled(mask, mask.source, index, source, size)
    stored = aligned(stored_values(mask.source, coloured(mask.legend)), source, size, where)
    return _named(stored, mask.legend or Legend({}), index, where)


def _part(mask: Mask, window: tuple[int, int, int, int], classes: Sequence[str], source: Any) -> Classes:
    """The part of a mask that belongs to a tile. Of a TIFF file no more is read; another is kept for the next tile."""
    left, top, right, bottom = window
    whole = source.source if isinstance(source, Tile) else source
    size = image_size(whole)
    if size is None:
        raise DataError(f"{_where(mask, source)}: its image cannot be read", expected="an image")
    kept = dataclasses.replace(mask, window=None)
    if isinstance(mask.source, Path):
        found = tiff_tile(mask.source, window, picture=True) if image_size(mask.source) == size else None
        if found is not None:
            part = dataclasses.replace(kept, source=_channels(found.values, coloured(mask.legend)))
            return class_indices(part, classes, None, (right - left, bottom - top))
        stat = mask.source.stat()
        stored = _kept_values(mask.source, coloured(mask.legend), stat.st_size, stat.st_mtime_ns)
        kept = dataclasses.replace(kept, source=stored, where=_where(mask, whole))
    return class_indices(kept, classes, whole, size)[top:bottom, left:right].copy()


@functools.lru_cache(maxsize=1)
def _kept_values(path: Path, coloured: bool, size: int, modified: int) -> Stored:  # noqa: ARG001 (a state of the file)
    return stored_values(path, coloured, LARGEST)


def stored_values(source: Path | Stored, coloured: bool, max_pixels: int = MAX_PIXELS) -> Stored:
    """What is stored of each pixel: (H, W) values, or (H, W, 3) where the legend is one of colours.

    Of a palette these are the indices, unless colours are wanted; of black and white 0 and 255. A mask that is grey but
    stored in colour is taken for grey where values are wanted. Raises `ImageError` as a reader of images does.
    """
    if isinstance(source, np.ndarray):
        return _channels(source, coloured)
    if source.suffix.lower() in ARRAYS:
        with guarded(source, max_pixels):
            npy_header(source, 3 if coloured else 1, max_pixels)
            return _channels(npy_array(source), coloured)
    with guarded(source, max_pixels), open_image(source) as image:
        check_size(image.size, str(source), max_pixels)
        image.load()
        if coloured:
            return np.asarray(image.convert("RGB"))
        plain = image.convert("L") if image.mode == "1" else image
        return _channels(np.asarray(plain), coloured)


def _channels(values: Stored, coloured: bool) -> Stored:
    values = values[..., 0] if values.ndim == 3 and values.shape[2] <= 2 else values
    values = values[..., :3] if values.ndim == 3 else values
    if coloured:
        return np.repeat(values[..., None], 3, axis=2) if values.ndim == 2 else values
    return values[..., 0] if values.ndim == 3 and bool((values == values[..., :1]).all()) else values


def coloured(legend: Legend | None) -> bool:
    """Whether a legend is one of colours."""
    return legend is not None and any(isinstance(value, tuple) for value in legend.names)


def _where(mask: Mask, source: Any) -> str:
    """What an error calls the mask: the file that it is, or where it is written."""
    own = str(mask.source) if isinstance(mask.source, Path) else "its mask"
    return mask.where or (own if isinstance(source, np.ndarray) or source is None else f"{own} of {source}")


def aligned(stored: Stored, source: Any, size: tuple[int, int], where: str) -> Stored:
    """The mask as the upright image lies. Raises `DataError` if it is of another size."""
    height, width = stored.shape[:2]
    if (width, height) == size:
        return stored
    turned = _TURNED.get(orientation(source)) if (height, width) == size and source is not None else None
    if turned is not None:
        return turned(stored)
    raise DataError(
        f"{where}: the mask has {width} x {height} pixels, its image {size[0]} x {size[1]}",
        expected="a mask of the size of its image",
        do="make the mask anew, or remove the image",
    )


def _named(stored: Stored, legend: Legend, index: dict[str, int], where: str) -> Classes:
    """Values or colours as class indices."""
    keys = np.array([_key(value) for value in legend.names], dtype=np.int64)
    found = np.array([_class(name, index, where) for name in legend.names.values()], dtype=np.int16)
    order = np.argsort(keys)
    keys, found = np.append(keys[order], np.iinfo(np.int64).max), np.append(found[order], _MISSING).astype(np.int16)
    if stored.dtype == np.uint8 and stored.ndim == 2:
        values = np.arange(256)
        places = np.searchsorted(keys, values)
        classes = np.where(keys[places] == values, found[places], _MISSING).astype(np.int16)[stored]
    else:
        values = stored.astype(np.int64)
        values = (values << (16, 8, 0)).sum(2) if stored.ndim == 3 else values
        places = np.searchsorted(keys, values)
        classes = np.where(keys[places] == values, found[places], _MISSING)
    if bool((classes == _MISSING).any()):
        raise _unknown(stored, classes == _MISSING, legend, where)
    return classes.astype(np.uint8)


def _key(value: int | tuple[int, int, int]) -> int:
    return value if isinstance(value, int) else (value[0] << 16) + (value[1] << 8) + value[2]


def _class(name: str | None, index: dict[str, int], where: str) -> int:
    if name is None:
        return IGNORED
    if name not in index:
        raise DataError(f"{where}: a mask with the class {name!r}", expected=f"one of {', '.join(index)}")
    return index[name]


def _unknown(stored: Stored, missing: npt.NDArray[np.bool_], legend: Legend, where: str) -> DataError:
    """The error that a mask has values that no name is known of."""
    values, counts = np.unique(stored[missing], axis=0, return_counts=True)
    some = ", ".join(str(tuple(v.tolist()) if v.ndim else v.item()) for v in values[:_SHOWN])
    more = f" and {len(values) - _SHOWN} others" if len(values) > _SHOWN else ""
    known = ", ".join(f"{value}: {name or 'ignored'}" for value, name in list(legend.names.items())[:10])
    return DataError(
        f"{where}: {int(counts.sum())} pixels of values that have no name: {some}{more}",
        expected=f"those of the legend ({known})",
        do="name these values, or make the mask anew (JPEG changes values)",
    )


def _filled(mask: Mask, boxes: Boxes, index: dict[str, int], source: Any, size: tuple[int, int]) -> Classes:
    """What outlines cover, later ones on top."""
    where = _where(mask, source)
    covered = np.full(size[::-1], _class(mask.background, index, where), np.uint8)
    for name, outline in zip(boxes.names, boxes.outlines or (None,) * len(boxes.names), strict=True):
        if outline is None:
            what = f"{where}: an object of {name!r} has a box and no outline"
            raise DataError(what, expected="the pixels that it covers")
        pixels = aligned(outline_pixels(outline, size), source, size, where)
        covered[pixels.astype(np.bool_)] = _class(name, index, where)
    return covered


def outline_pixels(outline: Outline, size: tuple[int, int]) -> Classes:
    """1 for each pixel that an object covers, 0 for the others, (H, W): of a run-length code the size that it says, of
    polygons `size` (width, height). Raises `MissingExtraError` if pycocotools is not installed.

    >>> triangle = Outline((np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]),))
    >>> outline_pixels(triangle, (4, 2)).tolist()
    [[1, 1, 1, 0], [1, 1, 0, 0]]
    >>> outline_pixels(Outline(rle={"size": [1, 3], "counts": [1, 2]}), (3, 1)).tolist()
    [[0, 1, 1]]
    """
    try:
        from pycocotools import mask as coco
    except ImportError as error:
        raise MissingExtraError("filling outlines of objects", "detect") from error
    if outline.rle is not None:
        code = dict(outline.rle)
        height, width = (int(side) for side in code["size"])
        if isinstance(code["counts"], str):
            code["counts"] = code["counts"].encode()
        plain = code if isinstance(code["counts"], bytes) else coco.frPyObjects(code, height, width)
        return np.asarray(coco.decode(plain))
    rings = [ring.reshape(-1).tolist() for ring in outline.polygons if len(ring) > 2]
    if not rings:
        return np.zeros(size[::-1], np.uint8)
    return np.asarray(coco.decode(coco.merge(coco.frPyObjects(rings, size[1], size[0]))))
