"""Distillation as a step: what a phase is, with the answers of a teacher beside the labels."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from warmstart.data.batches import Batch
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.phase import train_phase
from warmstart.engine.steps.registry import Making
from warmstart.methods.distillation.loss import SoftLoss, soft_loss
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.recipe.distilling import Distill
from warmstart.task.base import Task


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train from `last` or `best` of the step before, as the step says.

    Raises:
        RecipeError: the answers are of a kind that is not distilled.
    """
    assert isinstance(plan, PhasePlan)
    soft_loss(context.task.name)
    return train_phase(state, plan, data, context)


@dataclasses.dataclass(frozen=True)
class TaughtLoss:
    """The loss of a batch whose targets stand beside the teacher's outputs and whether there is a label at all.

    `hard` columns of the targets are those of the task, none where they are indices of classes.
    """

    task: Task
    soft: SoftLoss
    temperature: float
    share: float
    outputs: int
    indices: bool

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean over the samples."""
        teacher, labelled, hard = (
            targets[:, : self.outputs],
            targets[:, self.outputs] > 0,
            targets[:, self.outputs + 1 :],
        )
        share = torch.where(labelled, self.share, 1.0)
        total = (share * self.soft(outputs, teacher, self.temperature)).sum()
        if self.share < 1 and bool(labelled.any()):
            own = hard[labelled, 0].long() if self.indices else hard[labelled]
            total = total + (1 - self.share) * self.task.loss(outputs[labelled], own) * self.task.weight(own)
        return total / len(targets)

    def weight(self, targets: Tensor) -> float:
        """The number of samples."""
        return float(len(targets))


@dataclasses.dataclass
class DistillStepper(Stepper):
    """A stepper whose batches carry what the teacher says of their samples."""

    data: RunData

    def _prepared(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor]:
        inputs, targets = super()._prepared(batch, seed)
        taught = self.data.taught
        assert taught is not None, "a run without a teacher is refused"
        rows = [taught.outputs[batch.index], taught.labelled[batch.index][:, None]]
        beside = [each.to(self.feed.device, torch.float32) for each in rows]
        return inputs, torch.cat([*beside, targets.to(torch.float32).reshape(len(targets), -1)], 1)


def stepper(making: Making) -> Stepper:
    """One that draws answers towards the teacher's."""
    step, data, task = making.phase, making.data, making.context.task
    assert isinstance(step, Distill)
    outputs, indices = len(data.dataset.target.classes), task.name == "classify"
    loss = TaughtLoss(task, soft_loss(task.name), step.temperature, step.share, outputs, indices)
    return DistillStepper(**making.parts, objective=loss, data=data)
