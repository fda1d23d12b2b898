from __future__ import annotations

import torch

from warmstart.evaluation.scoring import Merit, scores, temperature_of
from warmstart.task.base import tasks

NUMBERS, CLASSES = tasks["regress"], tasks["classify"]


def test_the_larger_metric_is_the_better_and_the_lower_loss_settles_equals() -> None:
    truth = torch.tensor([[0.0], [1.0], [2.0]])
    near, far = Merit.of(NUMBERS, truth + 0.1, truth), Merit.of(NUMBERS, truth + 0.5, truth)
    assert near > far
    assert Merit(0.5, -1.0) > Merit(0.5, -2.0)


def test_scores_have_the_metric_as_their_mean_for_every_task() -> None:
    truth = torch.tensor([[0.0], [1.0], [2.0]])
    found = scores(NUMBERS, truth + 0.5, truth)
    assert found.mean() == NUMBERS.metrics(truth + 0.5, truth)["r2"]


def test_only_classes_that_exclude_each_other_have_a_temperature() -> None:
    sure = torch.tensor([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    assert temperature_of(CLASSES, sure, torch.tensor([0, 1, 1])) > 1
    assert temperature_of(tasks["multilabel"], sure, torch.ones(3, 2)) == 1
