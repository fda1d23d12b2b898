"""One optimizer step on one batch: mix, forward and backward in parts that fit, penalty, clip, check, step."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from warmstart.data.batches import Batch
from warmstart.engine.dividing import Division
from warmstart.engine.events import Decided, Listener
from warmstart.engine.feed import Feed
from warmstart.engine.memory import halved, is_out_of_memory, parts
from warmstart.engine.mix import jittered, mix
from warmstart.engine.penalty import StartingPoint
from warmstart.engine.score import Validation
from warmstart.engine.seeds import derive, seed_generators
from warmstart.engine.training import Training
from warmstart.engine.watch import Watch
from warmstart.errors import TrainingError
from warmstart.model.device import Device
from warmstart.recipe.phase import Phase
from warmstart.task.base import Task

Loss = Tensor | float
"""The mean loss of a batch; a tensor is read when there is time for it."""


class Criterion(Protocol):
    """What is minimised on a batch."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch."""
        ...

    def weight(self, targets: Tensor) -> float:
        """What that mean is over: by it the losses of parts of a batch add up to that of the whole."""
        ...


@dataclasses.dataclass
class Stepper:
    """Steps a `Training`.

    Args:
        accelerator: gives the precision, does backward and clipping.
        suffix: the prepared module that maps activations at the plan's cut to outputs.
        training: whose optimizer is stepped, and whose `progress.micro` says how many samples go in at once.
        feed: lifts what batches hold to the plan's cut.
        objective: the loss.
        penalty: L2-SP, if the phase has it.
        listener: is told when the micro-batch has to shrink.
    """

    divides: ClassVar[bool] = True
    """Whether the losses of parts of a batch add up to that of the whole, so that processes may share it."""

    accelerator: Accelerator
    suffix: nn.Module
    training: Training
    feed: Feed
    objective: Criterion
    penalty: StartingPoint | None
    listener: Listener
    division: Division | None = dataclasses.field(default=None, init=False, repr=False)

    @functools.cached_property
    def watch(self) -> Watch:
        """Hears of the losses, and of what is not finite."""
        return Watch(self.training.optimizer, self.feed.device, Device.of(self.feed.device).behind)

    def step(self, batch: Batch, seed: int) -> float:
        """One optimizer step that is waited for; returns the mean loss of the batch. Raises what `begin` does."""
        self.begin(batch, seed)
        self.watch.settle()
        return self.watch.last

    def begin(self, batch: Batch, seed: int) -> None:
        """One optimizer step, of which `watch` hears: on a CPU at once, on a GPU later.

        Nothing non-finite reaches a weight. Raises `NonFiniteError` when it is heard of, and `TrainingError` if memory
        does not suffice.
        """
        loss = self.gradients(batch, seed)
        norm = self.accelerator.clip_grad_norm_(self.training.parameters, self.training.plan.phase.clip or math.inf)
        self.watch.before(loss, norm, batch.samples)
        try:
            self.training.optimizer.step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise TrainingError("memory does not suffice for the optimizer's state", do="train fewer blocks") from error

    def gradients(self, batch: Batch, seed: int) -> Loss:
        """Leave the gradient of the whole batch in the parameters; returns its mean loss.

        On out-of-memory the micro-batch is halved and the batch repeated, with the same random numbers and with the
        buffers (statistics of training norms) as they were before.
        """
        loss = self._divided(batch, seed) if self.division is not None else self._undivided(batch, seed)
        if self.penalty is not None:
            self.penalty.add_gradient()
        return loss

    def batches(self, epoch: int, skip: int = 0) -> Iterable[Batch]:
        """What `step` is given in an epoch, without the first `skip`."""
        return self.feed.train(epoch, skip) if self.division is None else self.division.batches(epoch, skip)

    def validated(self, task: Task, targets: Tensor) -> Validation:
        """What the network as it stands is worth on the validation samples, whose targets these are."""
        outputs = self.feed.validate() if self.division is None else self.division.outputs()
        return Validation.of(task, outputs, targets)

    def seen(self, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        """What the suffix is given in an epoch, with targets where it takes them; no more at once than in training."""
        device = self.feed.device
        for batch in self.feed.train(epoch):
            for part in parts(len(batch.inputs), self.training.progress.micro, least=2):
                yield self.feed.lift(batch.inputs[part].to(device)), batch.targets[part].to(device)

    def _prepared(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets on the device, mixed if the phase says so."""
        phase, device = self.training.plan.phase, self.feed.device
        inputs, targets = batch.inputs.to(device, non_blocking=True), batch.targets.to(device, non_blocking=True)
        if not isinstance(phase, Phase):
            return inputs, targets
        drawn = derive(seed, "mix")
        return mix(inputs, targets, self.feed.classes, mixup=phase.mixup, cutmix=phase.cutmix, seed=drawn)

    def contribute(self, batch: Batch, seed: int, own: int, of: Callable[[int], slice]) -> tuple[float, float]:
        """Leave the gradient of one process's share of a batch; its mean loss, and what that is over.

        Args:
            batch: the share, or the whole batch.
            seed: of what is drawn for the batch.
            own: of what is drawn as the share goes through the network.
            of: the share of a batch of n, where it is still to be cut.
        """
        inputs, targets = self._prepared(batch, seed)
        part = of(len(inputs))
        inputs, targets = inputs[part], targets[part]
        seed_generators(own, self.feed.device)
        return float(self._accumulate(inputs, targets)), self.objective.weight(targets)

    @property
    def least(self) -> int:
        """Samples that a share has at least: batch statistics need two."""
        return self._least()

    def _undivided(self, batch: Batch, seed: int) -> Loss:
        inputs, targets = self._prepared(batch, seed)
        while True:
            seed_generators(seed, self.feed.device)
            buffers = self._moving_buffers()
            try:
                return self._accumulate(inputs, targets)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside the handler: the error's traceback holds the activations that did not fit.
            self._shrink(buffers)

    def _divided(self, batch: Batch, seed: int) -> float:
        """The same by all processes; if one of them has not enough memory, the micro-batch of all is halved."""
        assert self.division is not None
        while True:
            buffers = self._moving_buffers()
            loss = self.division.gradients(batch, seed)
            if loss is not None:
                return loss
            self._shrink(buffers)

    def _accumulate(self, inputs: Tensor, targets: Tensor) -> Loss:
        """Leave the gradient of these samples in the parameters, part by part; returns their mean loss."""
        self.training.optimizer.zero_grad(set_to_none=True)
        pieces = parts(len(inputs), self.training.progress.micro, self._least())
        whole, total = self.objective.weight(targets) if len(pieces) > 1 else 1.0, torch.zeros((), device=inputs.device)
        for part in pieces:
            loss = self.objective.loss(self._outputs(inputs[part], targets[part]), targets[part])
            if len(pieces) > 1:  # what a part weighs is read off its targets, for which a GPU has to be waited for
                loss = loss * (self.objective.weight(targets[part]) / whole)
            self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def _outputs(self, inputs: Tensor, targets: Tensor | None = None) -> Tensor:
        activations = jittered(self.feed.lift(inputs), self.training.plan.phase.jitter)
        return self.suffix(activations, targets)  # type: ignore[no-any-return]

    def _least(self) -> int:
        """Batch statistics need two samples."""
        return 2 if any(isinstance(module, _BatchNorm) and module.training for module in self.suffix.modules()) else 1

    def _moving_buffers(self) -> list[tuple[Tensor, Tensor]]:
        """Buffers of modules in training mode, each with a copy of its present value."""
        modules = [module for module in self.suffix.modules() if module.training]
        found = [(each, torch.empty_like(each)) for module in modules for each in module.buffers(recurse=False)]
        for dtype in {buffer.dtype for buffer, _ in found}:  # on a GPU one kernel each, instead of one for each buffer
            pairs = [pair for pair in found if pair[0].dtype == dtype]
            torch._foreach_copy_([copy for _, copy in pairs], [buffer for buffer, _ in pairs])
        return found

    def _shrink(self, buffers: list[tuple[Tensor, Tensor]]) -> None:
        self.training.optimizer.zero_grad(set_to_none=True)
        for buffer, value in buffers:
            buffer.copy_(value)
        if self.feed.device.type == "cuda":
            torch.cuda.empty_cache()
        progress, batch = self.training.progress, self.training.plan.batch_size
        micro = min(progress.micro, batch)
        progress.micro = halved(micro)
        self.listener(
            Decided(
                f"out of memory: micro-batch halved to {progress.micro}, batches stay {batch}",
                {"micro_batch": progress.micro, "batch": batch},
            )
        )
