"""The loop that methods share which align a source with a target: each step takes a batch of both."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from warmstart.data.batches import Batch
from warmstart.engine.data import RunData
from warmstart.engine.feed import Feed
from warmstart.engine.objective import Objective
from warmstart.engine.score import Validation
from warmstart.engine.seeds import derive
from warmstart.engine.stepper import Loss
from warmstart.engine.steps.registry import Making, Parts
from warmstart.engine.together import TogetherStepper
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan
from warmstart.planning.target import beside
from warmstart.recipe.aligning import Align
from warmstart.task.base import Task


@dataclasses.dataclass(frozen=True)
class Pair:
    """What the network makes of a batch of the source and one of the target.

    Features are (n, d) and (m, d), outputs (n, classes) and (m, classes); `weight` is what counts of the alignment as
    training goes.
    """

    source: Tensor
    target: Tensor
    source_outputs: Tensor
    target_outputs: Tensor
    weight: float


Alignment = Callable[[Pair], Tensor]
"""What is added to the loss of the task: it is small where source and target are alike, or predictions for the target
are sure."""


class Features(nn.Module):
    """The part of a backbone that trains, as a module of its own: what a `Suffix` is without the head."""

    def __init__(self, network: Network, cut: int) -> None:
        super().__init__()
        self.network, self.cut = network, cut

    def forward(self, activation: Tensor, targets: Tensor | None = None) -> Tensor:
        """Features (n, d) from the activation at the cut."""
        return self.network.facts.chain.suffix(self.cut)(activation).float()


class TargetStream:
    """Batches of the target, one for each step of training: a function of the seed and the step alone."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self._per_epoch = feed.steps_per_epoch
        self._next = -1
        self._batches: Iterator[Batch] = iter(())

    def at(self, step: int) -> Batch:
        """The batch of a step; those that follow one another are read ahead."""
        epoch, number = divmod(step, self._per_epoch)
        if step != self._next or number == 0:
            self._batches = iter(self.feed.train(epoch, skip=number))
        self._next = step + 1
        return next(self._batches)


def target_feed(making: Making, plan: PhasePlan | None = None) -> Feed:
    """Batches of the target's samples, from stored activations where those of the source are."""
    parts, plan = making.parts, plan or making.parts["training"].plan
    plan = dataclasses.replace(plan, batch_size=beside(plan.phase, plan.batch_size))
    seed, data = derive(making.context.seed, "target batches"), of_target(making.data)
    return Feed(making.network, plan, data, parts["accelerator"], seed, parts["listener"])


def of_target(data: RunData) -> RunData:
    """The data with the target's samples to train on, and nothing to validate on."""
    unlabelled, none = np.asarray(data.split.unlabelled, dtype=np.int64), np.arange(0)
    return dataclasses.replace(data, split=dataclasses.replace(data.split, train=unlabelled, val=none))


def features_of(making: Making) -> Parts:
    """The parts of a stepper that reads features, and asks the head itself."""
    accelerator, plan = making.parts["accelerator"], making.parts["training"].plan
    module = Features(making.network, plan.cut)
    return {**making.parts, "suffix": accelerator.prepare_model(module, evaluation_mode=True)}


@dataclasses.dataclass
class TargetStepper(TogetherStepper):
    """Steps of a method that adapts to a target: the weights of its last epoch are its result."""

    network: Network

    def validated(self, task: Task, targets: Tensor) -> Validation:
        """What the network is worth on the source's validation samples; a later epoch counts as better in any case."""
        found = super().validated(task, targets)
        return found if found.score is None else dataclasses.replace(found, score=(self._step, 0.0))

    @property
    def _step(self) -> int:
        """Steps taken so far."""
        progress = self.training.progress
        return progress.epoch * self.feed.steps_per_epoch + progress.batch


@dataclasses.dataclass
class Paired(TargetStepper):
    """Steps that take a batch of the target beside each of the source, once the source is learned."""

    target: TargetStream
    _weight: float = dataclasses.field(default=0.0, init=False)  # of the alignment, in the step under way
    _other: Tensor = dataclasses.field(default_factory=lambda: torch.empty(0), init=False)

    def gradients(self, batch: Batch, seed: int) -> Loss:
        """Leave the gradient of the loss on both batches in the parameters; returns the loss."""
        step, done = self.training.plan.phase, self._step / max(self.training.total, 1)
        assert isinstance(step, Align)
        self._weight = step.weight * risen((done - step.after) / (1 - step.after))
        if self._weight:
            self._other = self._drawn(self.target)
        return super().gradients(batch, seed)

    def seen(self, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        """Both streams in turn."""
        for number, one in enumerate(super().seen(epoch)):
            yield one
            if self._weight:
                other = self.target.at(epoch * self.feed.steps_per_epoch + number).inputs
                yield (self.target.feed.lift(other.to(self.feed.device)),)

    def _drawn(self, stream: TargetStream) -> Tensor:
        return stream.at(self._step).inputs.to(self.feed.device, non_blocking=True)

    def _accumulate(self, inputs: Tensor, targets: Tensor) -> Loss:
        return self._of_both(inputs, targets) if self._weight else self._of_source(inputs, targets)

    def _of_source(self, inputs: Tensor, targets: Tensor) -> Loss:
        def loss_of(features: Tensor) -> Tensor:
            return self.objective.loss(self.network.answer(features).float(), targets)

        return self._propagated([(self.feed, inputs)], loss_of)

    def _of_both(self, inputs: Tensor, targets: Tensor) -> Loss:
        """Leave the gradient of the loss on a batch of the source, and that of the target that was drawn."""
        raise NotImplementedError


@dataclasses.dataclass
class TwoStreams(Paired):
    """Minimises the task's loss on the source's samples, and beside it `alignment` of what is made of both."""

    alignment: Alignment

    def _of_both(self, inputs: Tensor, targets: Tensor) -> Loss:
        n = len(inputs)

        def loss_of(features: Tensor) -> Tensor:
            outputs = self.network.answer(features).float()
            pair = Pair(features[:n], features[n:], outputs[:n], outputs[n:], self._weight)
            return self.objective.loss(pair.source_outputs, targets) + self.alignment(pair)

        return self._propagated([(self.feed, inputs), (self.target.feed, self._other)], loss_of)


def risen(done: float) -> float:
    """The factor of an alignment when the share `done` of the steps in which it counts lies behind (Ganin et al. 2016,
    section 5.2.2); 0 before.

    >>> [round(risen(share), 2) for share in (-0.5, 0.0, 0.1, 0.5, 1.0)]
    [0.0, 0.0, 0.46, 0.99, 1.0]
    """
    return 2 / (1 + math.exp(-10 * max(done, 0.0))) - 1


def two_streams(making: Making, alignment: Alignment) -> TwoStreams:
    """A stepper that aligns so, beside the loss of the task."""
    network, target = making.network, TargetStream(target_feed(making))
    return TwoStreams(
        **features_of(making), objective=task_loss(making), network=network, target=target, alignment=alignment
    )


def task_loss(making: Making) -> Objective:
    """What is minimised on the source."""
    step = making.phase
    assert isinstance(step, Align)
    return Objective(making.context.task, float(step.label_smoothing), None)
