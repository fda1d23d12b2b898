"""Which detection is of which object, as COCO counts it; computed once for all that is measured with it.

The rules are those of COCO's evaluation (Lin et al. 2014; pycocotools `COCOeval`): in each image and class detections
choose in the order of their scores, at most 100 of them; each takes the object not yet taken that it overlaps most, if
by the threshold at least, one that counts before one that is ignored. Ignored are crowds, which may be hit any number
of times, and objects outside a range of areas. A detection of what is ignored counts neither way, nor does one that is
of nothing and itself outside the range.

Detections (n, D, 6) are class, score and edges; targets (n, M, 6) are as `warmstart.data.scenes` says. Edges of both
are in pixels of the network's input; overlaps are the same in any unit. Areas are those in the image as it was read.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from warmstart.data.scenes import CROWD, NOTHING

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

THRESHOLDS: FloatArray = np.linspace(0.5, 0.95, 10)
"""Of the overlap (IoU), as COCO has them."""
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Ranges of areas in pixels, both ends in."""
MOST = 100
"""Detections of a class in an image that count."""
_AT_ONCE = 1 << 22  # pairs of a detection and an object that are looked at together


@dataclasses.dataclass(frozen=True, eq=False)
class Matches:
    """Detections by class and falling score, with what each hit, and how many objects there are to be hit.

    Args:
        image, label: of each detection, (N,).
        score: (N,).
        hit: whether it is of an object that counts, (areas, thresholds, N).
        counts: whether it counts at all: a hit, or of nothing; same shape.
        overlap: with the object that it hits at the lowest threshold, 0 for none, (N,).
        truths: objects that count, (areas, images, classes).
    """

    image: IntArray
    label: IntArray
    score: FloatArray
    hit: BoolArray
    counts: BoolArray
    overlap: FloatArray
    truths: IntArray

    def of_class(self, label: int) -> slice:
        """Where the detections of a class lie."""
        return slice(*np.searchsorted(self.label, [label, label + 1]).tolist())


@dataclasses.dataclass(frozen=True, eq=False)
class _Rows:
    """Boxes of all images, one behind the other."""

    image: IntArray
    place: IntArray  # row in its image
    label: IntArray
    edges: FloatArray  # (k, 4)
    area: FloatArray  # in pixels of the image as it was read


class Outlines(Protocol):
    """What detections and objects cover, where that is not all of their boxes; see `warmstart.task.mask_matching`."""

    def found_areas(self, image: IntArray, place: IntArray) -> FloatArray:
        """Pixels of the network's input that detections cover."""
        ...

    def told_areas(self, image: IntArray, place: IntArray) -> FloatArray:
        """Pixels of the network's input that objects cover."""
        ...

    def overlap(self, image: IntArray, found: IntArray, told: IntArray, crowd: BoolArray) -> FloatArray:
        """Intersection over union of pairs; with a crowd, over the area of the detection alone."""
        ...


def matched(detections: Tensor, targets: Tensor, classes: int = 0, outlines: Outlines | None = None) -> Matches:
    """Match detections (n, D, 6) with targets (n, M, 6), all of which are known.

    Args:
        detections: class, score, left, upper, right, lower; rows of a negative class are none.
        targets: see above.
        classes: how many there are; 0 for as many as there are objects of.
        outlines: areas and overlaps are those of these, and of boxes without.
    """
    said, told = (rows[..., :6].double().cpu().numpy() for rows in (detections, targets))
    scale = areas_of_a_pixel(told)
    some = told[..., 0] >= 0
    classes = classes or int(told[..., 0].max(initial=-1)) + 1
    image, place = np.nonzero(some | (told[..., 0] <= CROWD))
    chosen = told[image, place]
    crowd = chosen[:, 0] <= CROWD
    label = np.where(crowd, CROWD - chosen[:, 0], chosen[:, 0]).astype(np.int64)
    objects = _Rows(image, place, label, chosen[:, 1:5], chosen[:, 5])
    found, score = _counted(said, scale, classes)
    if outlines is not None:
        objects = dataclasses.replace(objects, area=outlines.told_areas(image, place) * scale[image])
        found = dataclasses.replace(found, area=outlines.found_areas(found.image, found.place) * scale[found.image])
    low, high = np.array(list(AREAS.values())).T[:, :, None]
    ignored = crowd | (objects.area < low) | (objects.area > high)  # (areas, objects)
    hit, over, overlap = _greedy(found, objects, crowd, ignored, _pairs(found, objects, crowd, outlines))
    outside = (found.area < low) | (found.area > high)
    counts = hit | ~(over | outside[:, None])
    truths = np.zeros((len(AREAS), len(said), classes), dtype=np.int64)
    inside = label < classes
    for area, without in enumerate(ignored):
        np.add.at(truths[area], (image[inside & ~without], label[inside & ~without]), 1)
    return Matches(found.image, found.label, score, hit, counts, overlap, truths)


def areas_of_a_pixel(told: FloatArray) -> FloatArray:
    """How many pixels of the image as it was read one of the network's input stands for, (n,), of targets.

    A row of no box may say it in its last column. Otherwise it follows from a box whose area is known in both; for an
    image without any it is taken to be as in the middle one of the others.
    """
    width, height = (told[..., 3] - told[..., 1]), (told[..., 4] - told[..., 2])
    boxes = (told[..., 0] != NOTHING) & (width * height > 0)
    ratio = np.divide(told[..., 5], width * height, out=np.zeros(told.shape[:2]), where=boxes)
    stated = np.where(told[..., 0] == NOTHING, told[..., 5], 0.0).max(1, initial=0.0)
    best = np.where(stated > 0, stated, _middle_of_rows(ratio))
    known = best > 0
    return np.where(known, best, np.median(best[known]) if known.any() else 1.0)


def _middle_of_rows(ratio: FloatArray) -> FloatArray:
    """The median of what is positive in each row; 0 where nothing is."""
    found = np.zeros(len(ratio))
    for i in np.flatnonzero((ratio > 0).any(1)):
        found[i] = np.median(ratio[i][ratio[i] > 0])
    return found


def _counted(said: FloatArray, scale: FloatArray, classes: int) -> tuple[_Rows, FloatArray]:
    """The detections that count by class and falling score, ties in the order they come in, and their scores."""
    image, place = np.nonzero((said[..., 0] >= 0) & (said[..., 0] < classes))
    chosen = said[image, place]
    label, score = chosen[:, 0].astype(np.int64), chosen[:, 1]
    if said.shape[1] > MOST:
        order = np.lexsort((-score, label, image))
        groups = image[order] * (classes + 1) + label[order]
        first = np.r_[True, groups[1:] != groups[:-1]]
        rank = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
        keep = np.zeros(len(order), dtype=bool)
        keep[order[rank < MOST]] = True
        image, place, label, score, chosen = image[keep], place[keep], label[keep], score[keep], chosen[keep]
    order = np.lexsort((-score, label))
    image, place, label, edges = image[order], place[order], label[order], chosen[order, 2:]
    area = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1]) * scale[image]
    return _Rows(image, place, label, edges, area), score[order]


def _pairs(
    found: _Rows, objects: _Rows, crowd: BoolArray, outlines: Outlines | None
) -> tuple[IntArray, IntArray, FloatArray]:
    """All pairs of a detection and an object of its image and class that overlap enough: both, and the overlap."""
    step = int(max(objects.label.max(initial=0), found.label.max(initial=0))) + 1
    of_detection, of_object = found.image * step + found.label, objects.image * step + objects.label
    order = np.argsort(of_object, kind="stable")
    starts, stops = (np.searchsorted(of_object[order], of_detection, side) for side in ("left", "right"))
    number = stops - starts
    parts = []
    cuts = np.flatnonzero(np.diff(np.cumsum(number) // _AT_ONCE)) + 1
    for chunk in np.split(np.arange(len(number)), cuts):
        many = number[chunk]
        d = np.repeat(chunk, many)
        offset = np.arange(len(d)) - np.repeat(np.cumsum(many) - many, many)
        o = order[np.repeat(starts[chunk], many) + offset]
        if outlines is None:
            overlap = _overlap(found.edges[d], objects.edges[o], crowd[o])
        else:
            overlap = outlines.overlap(found.image[d], found.place[d], objects.place[o], crowd[o])
        enough = overlap >= THRESHOLDS[0]
        parts.append((d[enough], o[enough], overlap[enough]))
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )


def _overlap(a: FloatArray, b: FloatArray, crowd: BoolArray) -> FloatArray:
    """Intersection over union of boxes (k, 4); with a crowd, over the area of `a` alone."""
    inner = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    both = np.where((inner > 0).all(1), inner[:, 0] * inner[:, 1], 0.0)
    size, other = ((x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b))
    whole = np.where(crowd, size, size + other - both)
    found: FloatArray = np.divide(both, whole, out=np.zeros(len(both)), where=whole > 0)
    return found


def _greedy(
    found: _Rows,
    objects: _Rows,
    crowd: BoolArray,
    ignored: BoolArray,
    pairs: tuple[IntArray, IntArray, FloatArray],
) -> tuple[BoolArray, BoolArray, FloatArray]:
    """What counts as hit, and what hit something ignored (areas, thresholds, detections); the overlap at the lowest.

    Detections of unlike images or classes never want the same object. So all those choose together that are the k-th of
    their image and class to overlap anything, k = 1, 2, ...
    """
    shape = (len(ignored), len(THRESHOLDS), len(found.image))
    hit, over, overlap = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool), np.zeros(shape[2])
    d, o, iou = pairs
    if not len(d):
        return hit, over, overlap
    turn = _turns(found, d)
    least = np.minimum(THRESHOLDS, 1 - 1e-10)
    for area, without in enumerate(ignored):
        order = np.lexsort((o, iou, ~without[o], d, turn))  # of what a detection may choose from, the best last
        one, other, by = d[order], o[order], iou[order]
        free = np.ones((len(objects.image), len(THRESHOLDS)), dtype=bool)
        firsts = np.flatnonzero(np.r_[True, one[1:] != one[:-1]])
        rounds = np.flatnonzero(np.r_[True, np.diff(turn[order][firsts]) > 0])
        bounds = np.r_[firsts, len(one)]
        for start, stop in zip(rounds, np.r_[rounds[1:], len(firsts)], strict=True):
            rows = slice(bounds[start], bounds[stop])
            may = (by[rows, None] >= least) & free[other[rows]]
            place = np.where(may, np.arange(rows.start, rows.stop)[:, None], -1)
            best = np.maximum.reduceat(place, firsts[start:stop] - rows.start, axis=0)  # (detections, thresholds)
            who, at = np.nonzero(best >= 0)
            chosen = best[who, at]
            taken = other[chosen]
            free[taken, at] = crowd[taken]
            target = np.where(without[taken], 1, 0)
            for value, kind in ((0, hit), (1, over)):
                kind[area, at[target == value], one[chosen[target == value]]] = True
            if area == 0:
                lowest = chosen[(at == 0) & ~without[taken]]
                overlap[one[lowest]] = by[lowest]
    return hit, over, overlap


def _turns(found: _Rows, d: IntArray) -> IntArray:
    """For each pair, the rank of its detection among those of its image and class that overlap anything."""
    active = np.unique(d)  # detections are by class and falling score
    order = np.lexsort((active, found.label[active], found.image[active]))
    rows = active[order]
    new = np.r_[True, (np.diff(found.image[rows]) != 0) | (np.diff(found.label[rows]) != 0)]
    rank = np.arange(len(rows)) - np.maximum.accumulate(np.where(new, np.arange(len(rows)), 0))
    by_detection = np.zeros(len(found.image), dtype=np.int64)
    by_detection[rows] = rank
    return by_detection[d]
