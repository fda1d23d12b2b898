"""Large images cut into tiles, each a sample of its own; the image is the group, so that none lies in two parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from warmstart.data.annotations import Boxes, Mask, Outline
from warmstart.data.masks import outline_pixels
from warmstart.data.schema import Dataset, Sample
from warmstart.errors import DataError
from warmstart.preprocess.cutting import Tile
from warmstart.preprocess.mosaic import Grid
from warmstart.preprocess.runs import runs
from warmstart.preprocess.tiles import image_size

LEAST = 32
"""Pixels a side of the smallest tile."""
KEPT = 0.5
"""Share of an object's area that has to lie in a tile for it to be one of the tile's objects."""
Box = tuple[int, int, int, int]


def grid(size: tuple[int, int], side: int) -> list[Box]:
    """Tiles (left, top, right, bottom) that cover an image of `size` (width, height), row by row, evenly spaced.

    All are squares of `side`, but along an edge that is shorter, and have as little in common as covering it takes.

    >>> grid((10, 4), 4)
    [(0, 0, 4, 4), (3, 0, 7, 4), (6, 0, 10, 4)]
    """
    tiles = Grid(*size, tile=side, overlap=0)
    width, height = min(side, size[0]), min(side, size[1])
    return [(left, top, left + width, top + height) for top in tiles.uppers for left in tiles.lefts]


def check_side(side: int) -> None:
    """Raise `DataError` for tiles in which there is next to nothing to see, of which a large image would make many."""
    if side < LEAST:
        raise DataError(f"tiles of {side} pixels", expected=f"at least {LEAST}")


def tiled(dataset: Dataset, side: int) -> Dataset:
    """The data set with every image that is larger than `side` pixels cut into tiles.

    Boxes belong to the tiles that hold at least half of them, and are cut off at its edges. A tile is named after its
    image and its place in it.

    Raises:
        DataError: `side` is too small, or an image that is larger is no file.
    """
    check_side(side)
    samples = tuple(one for sample in dataset.samples for one in _tiles(sample, side))
    if len(samples) == len(dataset):
        return dataset
    note = f"{len(dataset)} images were cut into {len(samples)} tiles of at most {side} px; an image is in one part"
    return dataclasses.replace(dataset, samples=samples, notes=(*dataset.notes, note))


def _tiles(sample: Sample, side: int) -> Iterator[Sample]:
    size = image_size(sample.source)
    if size is None or max(size) <= side:  # what cannot be read is told when it is read
        yield sample
        return
    if not isinstance(sample.source, str | Path):
        raise DataError(f"{sample.id} lies in memory and is to be cut into tiles", expected="a file", do="cut it first")
    for box in grid(size, side):
        left, top, _, _ = box
        yield dataclasses.replace(
            sample,
            id=f"{sample.id}[{left},{top}]",
            source=Tile(Path(sample.source), box),
            label=_inside(sample.label, box),
            group=sample.group or sample.id,
        )


def _inside(label: object, box: Box) -> Boxes | Mask | None:
    """What of a label lies in a tile."""
    if isinstance(label, Mask):
        return dataclasses.replace(label, window=box)
    if not isinstance(label, Boxes):
        return None
    left, top, right, bottom = box
    edges = np.clip(label.xyxy, [left, top, left, top], [right, bottom, right, bottom])
    area = np.prod(label.xyxy[:, 2:] - label.xyxy[:, :2], axis=1)
    share = np.prod(edges[:, 2:] - edges[:, :2], axis=1) / np.maximum(area, 1e-9)
    kept = [int(i) for i in np.flatnonzero(share >= KEPT)]
    outlines = [label.outlines[i] for i in kept] if label.outlines else []
    return Boxes(
        tuple(label.names[i] for i in kept),
        edges[kept] - [left, top, left, top],
        tuple(None if one is None else _moved(one, box) for one in outlines),
        tuple(label.crowd[i] for i in kept) if label.crowd else (),
        label.where,
    )


def _moved(outline: Outline, box: Box) -> Outline:
    """An outline in the coordinates of a tile: polygons as they are, of a run-length code what lies in the tile."""
    left, top, right, bottom = box
    if outline.rle is None:
        return Outline(tuple(polygon - [left, top] for polygon in outline.polygons))
    part = outline_pixels(outline, (0, 0))[top:bottom, left:right]
    return Outline(rle={"size": list(part.shape), "counts": runs(part).tolist()})
