"""Self-training on sure predictions (FixMatch, Sohn et al. 2020)."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.engine.memory import parts
from warmstart.engine.stepper import Loss, Stepper
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.two_streams import Paired, TargetStream, features_of, target_feed, task_loss
from warmstart.model.modes import evaluating
from warmstart.planning.plan import CachePlan, PhasePlan
from warmstart.recipe.aligning import SelfTrain


@dataclasses.dataclass
class SelfTrainer(Paired):
    """Steps on the source's samples and on augmented ones of the target, of which only those go in that are sure.

    Args:
        strong: batches of the same samples as `target`, augmented; `None` where they are not.
        threshold: probability from which a prediction is sure.
    """

    strong: TargetStream | None
    threshold: float

    def _of_both(self, inputs: Tensor, targets: Tensor) -> Loss:
        said, n = self._said(), len(inputs)
        sure, labels = said.max(1)
        chosen = sure >= self.threshold

        def loss_of(features: Tensor) -> Tensor:
            outputs = self.network.answer(features).float()
            loss = self.objective.loss(outputs[:n], targets)
            if not bool(chosen.any()):
                return loss
            summed = functional.cross_entropy(outputs[n:], labels[chosen], reduction="sum")
            return loss + self._weight * summed / len(chosen)

        stream = self.strong or self.target
        return self._propagated([(self.feed, inputs), (stream.feed, self._drawn(stream)[chosen])], loss_of)

    def _said(self) -> Tensor:
        """Probabilities (m, classes) for the target's samples as evaluation sees them."""
        feed, found = self.target.feed, []
        with evaluating(self.network), torch.no_grad():
            for part in parts(len(self._other), 2 * self.training.progress.micro):
                found.append(self.network.answer(self.suffix(feed.lift(self._other[part]))).float())
        return torch.cat(found).softmax(1)


def stepper(making: Making) -> Stepper:
    """One that learns from what the network is sure of in the target."""
    step = making.phase
    assert isinstance(step, SelfTrain)
    return SelfTrainer(
        **features_of(making),
        objective=task_loss(making),
        network=making.network,
        target=TargetStream(target_feed(making)),
        strong=None if step.strong == "none" else TargetStream(target_feed(making, _augmented(making, step))),
        threshold=step.threshold,
    )


def _augmented(making: Making, step: SelfTrain) -> PhasePlan:
    """The plan by which augmented samples are read: from stored activations where a few versions are drawn once."""
    plan = making.parts["training"].plan
    phase = step.model_copy(update={"augment": step.strong})
    cache = plan.cache if step.views else CachePlan("pixels", 0, 0, "augmented anew in every epoch")
    return dataclasses.replace(plan, phase=phase, cache=cache)
