"""What is told of boxes and masks beside their metrics: each class, precision over recall, the worst images, and the
score from which on boxes are best believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from warmstart.data.annotations import Boxes
from warmstart.data.scenes import SceneTarget
from warmstart.data.schema import Sample
from warmstart.evaluation.outcome import Marked, PrecisionRecall
from warmstart.task.base import Task
from warmstart.task.box_matching import Matches
from warmstart.task.box_precision import curve, precisions
from warmstart.task.detect import Detect
from warmstart.task.segment import Segment

WORST, DRAWN = 8, 4
"""Images that are shown."""


def of_scenes(
    task: Task, outputs: Tensor, targets: Tensor, samples: Sequence[Sample], target: SceneTarget
) -> dict[str, Any]:
    """Fields of an `Outcome`: `by_class`, `marked` (without pictures) and, of boxes, `precision_recall`."""
    known = [i for i, sample in enumerate(samples) if sample.label is not None]
    surprise = task.values(outputs[known], targets[known])[task.surprise].tolist()
    order = sorted(range(len(known)), key=lambda k: -surprise[k])
    rest = np.random.default_rng(0).permutation(order[WORST:])[:DRAWN].tolist()
    shown = tuple(
        Marked(samples[known[k]].id, said_of(samples[known[k]]), "", surprise[k], k in order[:WORST])
        for k in (*order[:WORST], *rest)
    )
    return {"marked": shown, **of_each_class(task, outputs, targets, target.classes)}


def of_each_class(task: Task, outputs: Tensor, targets: Tensor, classes: Sequence[str]) -> dict[str, Any]:
    """The fields that need no images: `by_class` and, of boxes, `precision_recall`."""
    if isinstance(task, Detect):
        return _of_boxes(task.matched(outputs, targets), task.outlines_matched(outputs, targets), classes)
    assert isinstance(task, Segment), "scenes are boxes or masks"
    rows = task.by_class(outputs, targets, classes)
    kept = ("name", "iou", "dice", "boundary_iou")
    return {"by_class": tuple({k: r[k] for k in kept} | {"count": r["share"]} for r in rows)}


def said_of(sample: Sample) -> str:
    """What is marked in an image, in words.

    >>> said_of(Sample("a", "a.png", Boxes(("bee", "ant", "bee"), np.zeros((3, 4)))))
    '2 bee, 1 ant'
    """
    names = sample.label.names if isinstance(sample.label, Boxes) else ()
    return ", ".join(f"{count} {name}" for name, count in Counter(names).most_common()) or (
        "nothing" if isinstance(sample.label, Boxes) else ", ".join(sample.names)
    )


def best_score(task: Task, outputs: Tensor, targets: Tensor) -> float:
    """The score from which on boxes have the best F1, of all classes together, at an overlap of one half.

    0 where there is nothing to find it by, and for what has no scores.

    >>> import torch
    >>> truth = torch.tensor([[[0.0, 10.0, 10.0, 20.0, 20.0, 100.0]]])
    >>> found = torch.tensor([[[0.0, 0.9, 10.0, 10.0, 20.0, 20.0], [0.0, 0.2, 50.0, 50.0, 60.0, 60.0]]])
    >>> round(best_score(Detect(("bee",)), found, truth), 3)
    0.9
    """
    if not isinstance(task, Detect) or not len(outputs):
        return 0.0
    found = task.matched(outputs, targets)
    order = np.argsort(-found.score, kind="stable")
    hit, counts = (values[0, 0][order].astype(np.float64) for values in (found.hit, found.counts))
    if not hit.any():
        return 0.0
    hits = np.cumsum(hit)
    f1 = 2 * hits / (np.cumsum(counts) + found.truths[0].sum())
    return float(found.score[order][int(f1.argmax())])


def _of_boxes(found: Matches, outlines: Matches | None, classes: Sequence[str]) -> dict[str, Any]:
    whole, counts = precisions(found).ap[0], found.truths[0].sum(0)
    there = [i for i in range(len(classes)) if counts[i]]
    masks = None if outlines is None else precisions(outlines).ap[0]
    rows = tuple(
        {
            "name": classes[i],
            "count": int(counts[i]),
            "map": float(whole[:, i].mean()),
            "map_50": float(whole[0, i]),
            "map_75": float(whole[5, i]),
            **({} if masks is None else {"mask_map": float(masks[:, i].mean())}),
        }
        for i in there
    )
    drawn = [(i, curve(found, i)) for i in there]
    curves = tuple(
        PrecisionRecall(classes[i], tuple(c.recall.tolist()), tuple(c.precision.tolist()), float(whole[0, i]))
        for i, c in drawn
    )
    return {"by_class": rows, "precision_recall": curves}
