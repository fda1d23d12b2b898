"""COCO's average precision and recall of matched detections, what each image adds to them, and their curves.

Precision at a recall is the highest at that recall or above; average precision (AP) is its mean at 101 recalls from 0
to 1, over thresholds of the overlap and over classes (Lin et al. 2014; pycocotools, to which all of this is equal).

AP is no mean over images. To be resampled and paired it is made linear around the weight 1 of every image (the
infinitesimal jackknife, Efron 1982). With weights w, of the detections of a class in the order of their scores, TP_j
and C_j are the weighted hits and detections down to the j-th, P the weighted objects, and the curve encloses

    A(w) = 1/P sum_j w_j hit_j p_m(j),   p_m = TP_m / C_m,   m(j) = the place at or behind j where p is highest.

Its slope is taken with m held where it is (a subgradient where two places are as high). The 101 recalls are steps,
whose slope would miss that objects nobody found lower every recall; so the slope is that of the area under the same
curve, which differs from the mean at 101 recalls by about a hundredth at most, and the value is COCO's exactly.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from warmstart.task.box_matching import AREAS, THRESHOLDS, BoolArray, FloatArray, IntArray, Matches

RECALLS: FloatArray = np.linspace(0.0, 1.0, 101)
_TINY = np.spacing(1)


@dataclasses.dataclass(frozen=True, eq=False)
class Precisions:
    """AP and highest recall, (areas, thresholds, classes), NaN where a class has no object; slopes by image.

    `slope` (areas, thresholds kept, classes, images) has for each area the mean over thresholds; for all areas
    together `slope_at` has those at single thresholds. A slope is that of the metric by the weight of an image, times
    the number of images; it adds up to nothing over all images.
    """

    ap: FloatArray
    recall: FloatArray
    slope: FloatArray  # (areas, classes, images)
    slope_at: dict[int, FloatArray]  # threshold's index: (classes, images)
    recall_slope: FloatArray  # (classes, images)


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """Precision at each recall of one class at one threshold, and the score from which on detections reach it."""

    recall: FloatArray  # (101,)
    precision: FloatArray  # (101,)
    score: FloatArray  # (101,); 0 where the recall is not reached


def precisions(matches: Matches, single: tuple[int, ...] = (0, 5)) -> Precisions:
    """Everything COCO reports, and its slopes; `single` are indices of thresholds to keep apart."""
    areas, images, classes = matches.truths.shape
    ap = np.full((areas, len(THRESHOLDS), classes), np.nan)
    recall, slope = ap.copy(), np.zeros((areas, classes, images))
    slope_at = {at: np.zeros((classes, images)) for at in single}
    recall_slope = np.zeros((classes, images))
    for label in range(classes):
        here = matches.of_class(label)
        for area in range(areas):
            truths = matches.truths[area, :, label]
            if not truths.any():
                continue
            hit, counts = matches.hit[area, :, here], matches.counts[area, :, here]
            found = _of_class(hit, counts, int(truths.sum()))
            ap[area, :, label], recall[area, :, label] = found.ap, found.recall
            image = matches.image[here]
            enclosed = found.enclosed / truths.sum()
            slope[area, label] = _by_image(found.gain.mean(0), image, truths, enclosed.mean())
            if area == 0:
                for at in single:
                    slope_at[at][label] = _by_image(found.gain[at], image, truths, enclosed[at])
                share = hit.mean(0) / truths.sum()
                recall_slope[label] = _by_image(share, image, truths, found.recall.mean() / truths.sum())
    return Precisions(ap, recall, slope, slope_at, recall_slope)


def curve(matches: Matches, label: int, threshold: float = 0.5) -> Curve:
    """Precision and recall of a class, as AP is made of them; precision is NaN where the class has no object."""
    at = int(np.abs(THRESHOLDS - threshold).argmin())
    here, truths = matches.of_class(label), int(matches.truths[0, :, label].sum())
    if not truths:
        return Curve(RECALLS, np.full(101, np.nan), np.zeros(101))
    hits = np.cumsum(matches.hit[0, at, here])
    envelope = _envelope(hits / (np.cumsum(matches.counts[0, at, here]) + _TINY))
    place = np.searchsorted(hits / truths, RECALLS)
    reached = place < len(hits)
    safe = np.minimum(place, len(hits) - 1) if len(hits) else place
    if not len(hits):
        return Curve(RECALLS, np.zeros(101), np.zeros(101))
    score = matches.score[here]
    return Curve(RECALLS, np.where(reached, envelope[safe], 0.0), np.where(reached, score[safe], 0.0))


@dataclasses.dataclass(frozen=True, eq=False)
class _OfClass:
    """Of one class and range of areas, by threshold (t,) and detection (t, k)."""

    ap: FloatArray
    recall: FloatArray
    enclosed: FloatArray  # the area under the curve
    gain: FloatArray  # of that area by the weight of each detection, all else equal


def _of_class(hit: BoolArray, counts: BoolArray, truths: int) -> _OfClass:
    """`hit` and `counts` are (thresholds, detections by falling score)."""
    if not hit.shape[1]:
        nothing = np.zeros(len(hit))
        return _OfClass(nothing, nothing, nothing, np.zeros(hit.shape))
    hits, every = np.cumsum(hit, 1, dtype=np.float64), np.cumsum(counts, 1, dtype=np.float64)
    precision = hits / (every + _TINY)
    envelope = _envelope(precision)
    recall = hits / truths
    padded = np.pad(envelope, ((0, 0), (0, 1)))
    ap = np.array([row[np.searchsorted(at, RECALLS)].mean() for row, at in zip(padded, recall, strict=True)])
    enclosed = (hit * envelope).sum(1) / truths
    # Hits between two places where the curve touches its envelope are worth the precision at the second.
    touches = precision >= envelope
    before = np.maximum.accumulate(np.where(touches, hits, 0.0), 1)
    before = np.pad(before[:, :-1], ((0, 0), (1, 0)))
    worth = np.divide(hits - before, every * truths, out=np.zeros(hits.shape), where=touches & (every > 0))
    ahead, ahead_precise = _from_behind(worth), _from_behind(worth * precision)
    gain = hit * (envelope / truths + ahead) - counts * ahead_precise
    return _OfClass(ap, recall[:, -1], enclosed, gain)


def _envelope(precision: FloatArray) -> FloatArray:
    """The highest value from each place on."""
    found: FloatArray = np.maximum.accumulate(precision[..., ::-1], -1)[..., ::-1]
    return found


def _from_behind(values: FloatArray) -> FloatArray:
    """Sums from each place to the end, (t, k)."""
    found: FloatArray = np.cumsum(values[:, ::-1], 1)[:, ::-1]
    return found


def _by_image(gain: FloatArray, image: IntArray, truths: IntArray, by_object: float) -> FloatArray:
    """Slopes (images,) of what the detections gain, less what more objects to be found cost."""
    found = np.bincount(image, gain, len(truths)) - truths * by_object
    return np.asarray(found * len(truths), dtype=np.float64)


def metric_values(matches: Matches, names: tuple[str, ...]) -> dict[str, FloatArray]:
    """Per-image values (n,) whose means are the metrics: `map`, `map_50`, `map_75`, by size, `mar_100`, `ap_CLASS`.

    A size or class of which there is no object is left out.
    """
    at = {"map_50": 0, "map_75": 5}
    found = precisions(matches, tuple(at.values()))
    there = ~np.isnan(found.ap[:, 0])  # (areas, classes)
    whole = there[0]
    values = {"map": _made(found.ap[0], found.slope[0], whole)}
    values |= {name: _made(found.ap[0, [t]], found.slope_at[t], whole) for name, t in at.items()}
    for area, name in enumerate(AREAS):
        if area and there[area].any():
            values[f"map_{name}"] = _made(found.ap[area], found.slope[area], there[area])
    values["mar_100"] = _made(found.recall[0], found.recall_slope, whole)
    for label in np.flatnonzero(whole):
        only = np.arange(len(whole)) == label
        name = names[label] if label < len(names) else str(label)
        values[f"ap_{name}"] = _made(found.ap[0], found.slope[0], only)
    return values


def _made(value: FloatArray, slope: FloatArray, chosen: BoolArray) -> FloatArray:
    """The mean value (thresholds, classes) of the chosen classes, and around it their mean slope (classes, images)."""
    steps = slope[chosen].mean(0)
    found: FloatArray = value[:, chosen].mean() + steps - steps.mean()
    return found
