"""What is told of segmented images beside their metrics."""

from __future__ import annotations

import numpy as np
import torch

from warmstart.data.annotations import Legend, Mask
from warmstart.data.scenes import MaskTarget
from warmstart.data.schema import Sample
from warmstart.evaluation.details import details
from warmstart.task.base import task_of

TARGET = MaskTarget(("sky", "sea"))


def test_classes_are_told_one_by_one_and_the_worst_images_first() -> None:
    truth = torch.zeros(3, 8, 8, dtype=torch.uint8)
    truth[:, 4:] = 1
    said = truth.clone()
    said[1] = 0  # the sea is missed
    logits = torch.nn.functional.one_hot(said.long(), 2).movedim(-1, 1).float()
    legend = Legend({0: "sky", 1: "sea"})
    samples = [
        Sample(name, name, Mask(np.zeros((8, 8), np.uint8), legend, names=("sky", "sea"))) for name in ("a", "b", "c")
    ]
    task = task_of(TARGET)
    found = details(task, task.answered(logits, truth), truth, samples, TARGET)
    assert [(row["name"], row["count"]) for row in found["per_class"]] == [("sky", 3), ("sea", 3)]
    assert [round(row["iou"], 3) for row in found["per_class"]] == [0.75, 0.667]
    worst, *others = found["shown"]
    assert (worst.id, worst.said, worst.loss) == ("b", "sky", 0.75)
    assert all(one.loss == 0.0 for one in others)
