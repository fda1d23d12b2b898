"""What is told of boxes and masks beside their metrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from warmstart.data.annotations import Boxes, Legend, Mask
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample
from warmstart.evaluation.details import details
from warmstart.evaluation.scenes import best_score
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
    assert [(row["name"], row["count"]) for row in found["by_class"]] == [("sky", 0.5), ("sea", 0.5)]
    assert [round(row["iou"], 3) for row in found["by_class"]] == [0.75, 0.667]
    worst, *others = found["marked"]
    assert (worst.id, worst.error, worst.worst) == ("b", 0.75, True)
    assert all(one.error == 0.0 for one in others)


def test_boxes_are_told_from_the_score_that_was_best_and_class_by_class() -> None:
    truth = torch.tensor([[[0.0, 10, 10, 20, 20, 100], [1.0, 30, 30, 50, 50, 400]]])
    rows = [[0.0, 0.9, 10, 10, 20, 20], [1.0, 0.6, 30, 30, 50, 50], [1.0, 0.3, 0, 0, 5, 5]]
    task = task_of(BoxTarget(("ant", "bee")))
    outputs = torch.tensor([rows])
    label = Boxes(("ant", "bee"), np.array([[10.0, 10, 20, 20], [30, 30, 50, 50]]))
    found = details(task, outputs, truth, [Sample("a", "a", label)], BoxTarget(("ant", "bee")))
    assert [(row["name"], row["count"]) for row in found["by_class"]] == [("ant", 1), ("bee", 1)]
    assert [row["map_50"] for row in found["by_class"]] == pytest.approx([1.0, 1.0])
    assert [one.name for one in found["precision_recall"]] == ["ant", "bee"]
    assert found["marked"][0].true == "1 ant, 1 bee"
    assert best_score(task, outputs, truth) == pytest.approx(0.6)
    assert best_score(task, outputs[:0], truth[:0]) == 0.0
