"""Source-free adaptation under a head that stays (SHOT, Liang et al. 2020)."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.batches import Batch
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.objective import Objective
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Loss, Stepper
from warmstart.engine.steps.gradients import train
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.beside import Beside, beside_of
from warmstart.methods.adaptation.losses import class_means_labels, information
from warmstart.methods.adaptation.run import adapted
from warmstart.methods.adaptation.two_streams import TargetStepper, features_of, of_target
from warmstart.model.modes import evaluating
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.recipe.aligning import SourceFree


class PseudoLabels(nn.Module):
    """Of every sample of the target (n,), as the epoch began: a buffer, so that a checkpoint holds it."""

    labels: Tensor

    def __init__(self, samples: int) -> None:
        super().__init__()
        self.register_buffer("labels", torch.full((samples,), -1))


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the backbone on the target's samples; no sample of the source is read."""
    assert isinstance(plan, PhasePlan)
    state.begin(plan.phase.start)
    target = of_target(data)
    network = Beside(state.network, PseudoLabels(len(target.split.train)))
    return adapted(state, train(network, plan, target, state, context))


@dataclasses.dataclass
class SourceFreeStepper(TargetStepper):
    """Steps on the target's samples alone.

    Args:
        places: where each sample of the data set is among those of the target (samples,).
        pseudo: weight of the loss on pseudo-labels.
    """

    beside: PseudoLabels
    places: Tensor
    pseudo: float

    def gradients(self, batch: Batch, seed: int) -> Loss:
        """Leave the gradient of the loss; the first batch of an epoch is preceded by new pseudo-labels."""
        if self.training.progress.batch == 0:
            self._label(self.training.progress.epoch)
        return super().gradients(batch, seed)

    def _prepared(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor]:
        places = self.places[batch.index].to(self.feed.device)
        return batch.inputs.to(self.feed.device, non_blocking=True), self.beside.labels[places]

    def _accumulate(self, inputs: Tensor, targets: Tensor) -> Loss:
        def loss_of(features: Tensor) -> Tensor:
            outputs = self.network.answer(features).float()
            return information(outputs) + self.pseudo * functional.cross_entropy(outputs, targets)

        return self._propagated([(self.feed, inputs)], loss_of)

    @torch.no_grad()
    def _label(self, epoch: int) -> None:
        features, index = [], []
        with evaluating(self.network):
            for batch in self.feed.train(epoch):
                features.append(self.suffix(self.feed.lift(batch.inputs.to(self.feed.device))))
                index.append(batch.index)
            found = torch.cat(features)
            labels = class_means_labels(found, self.network.answer(found).float())
        self.beside.labels[self.places[torch.cat(index)].to(labels.device)] = labels


def stepper(making: Making) -> Stepper:
    """One that makes predictions for the target sure and diverse, and like those of its class means."""
    step, beside, data = making.phase, beside_of(making), making.data
    assert isinstance(step, SourceFree)
    assert isinstance(beside, PseudoLabels)
    places = torch.full((len(data.dataset),), -1)
    places[torch.from_numpy(data.split.train)] = torch.arange(len(data.split.train))
    objective = Objective(making.context.task, 0.0, None)  # of no use here: there are no labels
    return SourceFreeStepper(
        **features_of(making),
        objective=objective,
        network=making.network,
        beside=beside,
        places=places,
        pseudo=step.pseudo,
    )
