"""What a phase minimises on a batch: the task's loss, with class weights and label smoothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from warmstart.recipe.phase import Phase
from warmstart.task.base import Task


@dataclasses.dataclass(frozen=True)
class Objective:
    """The loss of a phase, and how much of a batch's loss a part of that batch carries."""

    task: Task
    label_smoothing: float
    class_weights: Tensor | None

    @classmethod
    def of(
        cls, phase: Phase, task: Task, targets: Callable[[], Tensor], classes: int, device: torch.device
    ) -> Objective:
        """The objective of a phase of a plan; `targets` gives those of all training samples."""
        balanced = phase.class_weights == "balanced"
        weights = task.balanced(targets(), classes).to(device) if balanced else None
        return cls(task, float(phase.label_smoothing), weights)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch, as the task defines it."""
        return self.task.loss(outputs, targets, label_smoothing=self.label_smoothing, class_weights=self.class_weights)

    def weight(self, targets: Tensor) -> float:
        """What the mean loss of these targets is divided by: with it, parts of a batch add up to the whole exactly."""
        return self.task.weight(targets, self.class_weights)
