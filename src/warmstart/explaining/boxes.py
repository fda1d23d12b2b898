"""What is explained of boxes: how surely one of them is found where it is.

Of the detections for an input, covered or not, it is the largest product of score and overlap among those of the same
class (the similarity of D-RISE: Petsiuk et al. 2021, "Black-box explanation of object detectors via saliency maps", eq.
3 to 5, with the score in place of the likeness of all classes); of several detectors the mean of each one's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import box_iou

from warmstart.data.scenes import BoxTarget
from warmstart.errors import DataError, nearest
from warmstart.explaining.asked import Asked, Pick
from warmstart.task.base import Task

_EDGES = slice(2, 6)


@dataclasses.dataclass(frozen=True)
class AskedOfBox(Asked):
    """Networks whose detections are compared with one box: outputs (n, 1)."""

    kind: int = 0
    edges: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)

    @property
    def local(self) -> bool:
        """The slope of a box is at its place; see `warmstart.explaining.gradcam`."""
        return True

    def combined(self, outputs: Sequence[Tensor]) -> Tensor:
        """The mean over networks of the best match of the box, of detections (n, D, 6)."""
        box = torch.tensor([self.edges])
        matches = []
        for rows in outputs:
            overlap = box_iou(rows[..., _EDGES].flatten(0, 1).float(), box).reshape(rows.shape[:2]).nan_to_num(0.0)
            held = torch.where(rows[..., 0] == self.kind, rows[..., 1] * overlap, 0.0)
            matches.append(held.amax(1, keepdim=True))
        return torch.stack(matches).mean(0)


def box_asked(
    asked: Asked, target: BoxTarget, x: Tensor, least: float, label: str | None
) -> tuple[AskedOfBox, Pick, tuple[float, ...]]:
    """What is asked of one box in an input (1, ...), what is explained, and its edges in pixels of the input.

    Args:
        asked: of the detectors.
        target: of the boxes.
        x: the input.
        least: score of a box that is told.
        label: a class, for its surest box; or the number of a box among those that `predict` tells, from 1. By default
            the surest of all.

    Raises `DataError` for a label that there is not, and where no such box was found.
    """
    task: Task = asked.task
    (answer,) = task.decode(task.combine([network(x) for network in asked.networks]), target)
    boxes = [box for box in answer["boxes"] if box["score"] >= least]
    box = _chosen(boxes, target.classes, label)
    kind = target.classes.index(box["label"])
    about = AskedOfBox(asked.networks, asked.spec, task, 1.0, kind=kind, edges=tuple(box["box"]))

    def match(found: Tensor) -> Tensor:
        return found[:, 0]

    return about, Pick(box["label"], match, lambda found: match(found).double(), True), about.edges


def _chosen(boxes: Sequence[Mapping[str, Any]], classes: Sequence[str], label: str | None) -> Mapping[str, Any]:
    """The box that is meant.

    >>> _chosen([{"label": "car"}, {"label": "bus"}], ("bus", "car"), "2")
    {'label': 'bus'}
    """
    if label is not None and label not in classes and not label.isdecimal():
        raise DataError(
            f"there is no label {label!r}",
            expected=f"a class ({', '.join(classes[:8])}), or the number of a box, from 1",
            do=f"the nearest: {nearest(label, classes)}",
        )
    some = [box for box in boxes if label is None or label.isdecimal() or box["label"] == label]
    number = int(label) - 1 if label is not None and label.isdecimal() and label not in classes else 0
    if not 0 <= number < len(some):
        what = f"box {label}" if label is not None and label.isdecimal() else f"box of {label!r}" if label else "box"
        raise DataError(f"no {what} was found, and there is nothing to explain", expected="an input with one")
    return some[number]
