"""What each object covers of what a network sees, for detectors that learn outlines beside boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from warmstart.data.annotations import Boxes, Outline
from warmstart.data.masks import aligned, outline_pixels
from warmstart.data.scenes import BoxTarget
from warmstart.data.schema import Dataset, Sample
from warmstart.errors import DataError
from warmstart.preprocess.augment import Drawn
from warmstart.preprocess.augment_scene import boxes_seen, mask_at, mask_seen
from warmstart.preprocess.geometry import Placed
from warmstart.preprocess.runs import runs
from warmstart.preprocess.spec import PreprocessSpec

Pixels = npt.NDArray[np.uint8]
_SHOWN = 3


def outline_rows(
    label: Boxes,
    kept: Sequence[int] | npt.NDArray[np.int64],
    place: Placed,
    drawn: Drawn,
    spec: PreprocessSpec,
    sample: Sample,
    size: tuple[int, int],
) -> npt.NDArray[np.float64]:
    """The lengths of the runs (k, R) of what some objects cover of a view, zeros behind them.

    Polygons are moved as boxes are, and filled in the pixels of the view, so that nothing is lost by resizing;
    run-length codes are resized as masks are. Of a crowd without an outline all of its box is covered.

    Args:
        label: all objects of the image.
        kept: indices of those that are wanted.
        place: where the image comes to lie.
        drawn: the view of that.
        spec: how the image is resized.
        sample: the image.
        size: (width, height) of the upright image.

    Raises:
        DataError: an object has no outline, or one of another size than its image.
        MissingExtraError: pycocotools is not installed.
    """
    outlines = label.outlines or (None,) * len(label.names)
    crowd = label.crowd or (False,) * len(label.names)
    found = []
    for i in kept:
        outline = outlines[i]
        if outline is None and crowd[i]:
            left, top, right, bottom = label.xyxy[i]
            outline = Outline((np.array([[left, top], [right, top], [right, bottom], [left, bottom]]),))
        if outline is None:
            raise _without([f"{label.where or sample.id}: an object of {label.names[i]!r}"])
        if outline.rle is None:
            pixels = _filled(outline, place, drawn, spec.size)
        else:
            whole = aligned(outline_pixels(outline, size), sample.source, size, label.where or sample.id)
            pixels = mask_seen(drawn, mask_at(np.ascontiguousarray(whole), spec, 0), spec.size)
        found.append(runs(pixels))
    rows = np.zeros((len(found), max(map(len, found), default=0)))
    for row, lengths in zip(rows, found, strict=True):
        row[: len(lengths)] = lengths
    return rows


def _filled(outline: Outline, place: Placed, drawn: Drawn, size: int) -> Pixels:
    """The pixels (size, size) of a view that polygons cover, but of the padding around the image."""
    top, left, height, width = drawn.box
    moved = []
    for polygon in outline.polygons:
        points = (polygon * place.scale + place.shift - (left, top)) * (size / width, size / height)
        moved.append(np.stack([size - points[:, 0], points[:, 1]], axis=1) if drawn.mirrored else points)
    pixels = outline_pixels(Outline(tuple(moved)), (size, size))
    edges, _ = boxes_seen(drawn, np.array([place.inside], dtype=np.float64), size, inside=place.inside)
    low, high = np.ceil(edges[0, :2] - 0.5).astype(int), np.ceil(edges[0, 2:] - 0.5).astype(int)
    seen = np.zeros_like(pixels)
    seen[low[1] : high[1], low[0] : high[0]] = pixels[low[1] : high[1], low[0] : high[0]]
    return seen


def check_outlined(dataset: Dataset) -> None:
    """Raise `DataError` where objects are to have outlines and some have just a box.

    >>> one = Sample("a.png", None, Boxes(("cat",), np.array([[0.0, 0, 9, 9]])))
    >>> check_outlined(Dataset((one,), BoxTarget(("cat",), "maskrcnn")))
    Traceback (most recent call last):
    ...
    warmstart.errors.DataError: a box and no outline: 1 of 1 object(s), first a.png
    Expected: an outline for each object: polygons or run-length codes of COCO's, polygons of YOLO's
    What to do: take a detector that learns from boxes alone, such as fasterrcnn
    """
    if not (isinstance(dataset.target, BoxTarget) and dataset.target.outlined):
        return
    without, total = [], 0
    for sample in dataset.samples:
        if isinstance(sample.label, Boxes):
            label = sample.label
            counted = [i for i in range(len(label.names)) if not (label.crowd and label.crowd[i])]
            total += len(counted)
            bare = [i for i in counted if not label.outlines or label.outlines[i] is None]
            without += [sample.id] * len(bare)
    if without:
        raise _without([f"{len(without)} of {total} object(s), first {', '.join(dict.fromkeys(without[:_SHOWN]))}"])


def _without(found: list[str]) -> DataError:
    return DataError(
        f"a box and no outline: {'; '.join(found)}",
        expected="an outline for each object: polygons or run-length codes of COCO's, polygons of YOLO's",
        do="take a detector that learns from boxes alone, such as fasterrcnn",
    )


def shapes_of(label: Boxes, size: tuple[int, int]) -> list[tuple[str, Pixels]]:
    """The class of each object that has an outline, and the pixels of an image of `size` (width, height) in it."""
    both = zip(label.names, label.outlines, strict=False)
    shapes = [(name, outline_pixels(outline, size)) for name, outline in both if outline is not None]
    return [(name, pixels) for name, pixels in shapes if pixels.shape == size[::-1]]
