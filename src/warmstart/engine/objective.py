"""What a phase minimises on a batch: the task's loss, with class weights and label smoothing."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from warmstart.recipe.phase import Phase
from warmstart.task.base import Task


def balanced_weights(targets: Tensor, classes: int) -> Tensor:
    """Weight `n / (present classes * count)` per class (scikit-learn's "balanced"), shape (classes,).

    A class without a sample in training gets 1: it occurs in no sum.

    >>> balanced_weights(torch.tensor([0, 0, 0, 1]), 3)
    tensor([0.6667, 2.0000, 1.0000])
    """
    counts = torch.bincount(targets[targets >= 0], minlength=classes).to(torch.float32)
    present = int((counts > 0).sum())
    weights = counts.sum() / (present * counts.clamp(min=1.0))
    return torch.where(counts > 0, weights, torch.ones(()))


@dataclasses.dataclass(frozen=True)
class Objective:
    """The loss of a phase, and how much of a batch's loss a part of that batch carries."""

    task: Task
    label_smoothing: float
    class_weights: Tensor | None

    @classmethod
    def of(cls, phase: Phase, task: Task, targets: Tensor, classes: int, device: torch.device) -> Objective:
        """The objective of a phase of a plan; `targets` are all training labels."""
        balanced = phase.class_weights == "balanced"
        weights = balanced_weights(targets, classes).to(device) if balanced else None
        return cls(task, float(phase.label_smoothing), weights)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch, as the task defines it."""
        return self.task.loss(outputs, targets, label_smoothing=self.label_smoothing, class_weights=self.class_weights)

    def weight(self, targets: Tensor) -> float:
        """What the mean loss of these targets is divided by: with it, parts of a batch add up to the whole exactly."""
        if self.class_weights is None:
            return float(len(targets))
        if targets.ndim == 1:
            return float(self.class_weights[targets].sum())
        return float((targets * self.class_weights).sum())
