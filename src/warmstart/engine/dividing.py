"""A phase's batches divided over the processes of a run: each gets a share of every batch, one step is made of all.

Process 0 trains. Before each batch the others get its weights, then every process leaves the gradient of its share of
the batch, and the sum of them, each by what its share counts of the batch, is the gradient of the whole: the same one,
but for rounding, as one process would have. Optimizer, schedule, averages, checkpoints and all decisions are process
0's alone. Statistics of batch normalisation that trains are those of shares, as they are those of micro-batches where a
batch does not fit into memory; the running ones are moved by process 0's.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from warmstart.data.batches import Batch
from warmstart.engine.ema import moving_tensors
from warmstart.engine.memory import is_out_of_memory
from warmstart.engine.processes import Group
from warmstart.engine.seeds import derive
from warmstart.evaluation.predict import joined
from warmstart.recipe.phase import Phase

if TYPE_CHECKING:
    from warmstart.engine.stepper import Stepper

FINE, FULL, FAILED = 0.0, 1.0, 2.0
"""How a share of a batch went: FULL is out of memory."""


@dataclasses.dataclass(frozen=True)
class Share:
    """Which samples of a batch are those of one process of `size`; none has fewer than `least`, unless it has none.

    >>> [Share(rank, 3, 2).of(5) for rank in range(3)]
    [slice(0, 3, None), slice(3, 5, None), slice(5, 5, None)]
    """

    rank: int
    size: int
    least: int = 1

    def of(self, n: int) -> slice:
        """Of a batch of n."""
        count = max(1, min(self.size, n // self.least))
        ends = [0, *itertools.accumulate(n // count + (i < n % count) for i in range(count))]
        return slice(ends[min(self.rank, count)], ends[min(self.rank + 1, count)])


class Shares:
    """The share of one process of each batch, in order, read ahead as whole batches are."""

    def __init__(self, stepper: Stepper, share: Share) -> None:
        self._stepper, self._share = stepper, share
        self._next: tuple[int, int] | None = None
        self._batches: Iterator[Batch | None] = iter(())

    def from_(self, epoch: int, skip: int) -> Iterator[Batch | None]:
        """Of the batches of an epoch from number `skip` on; `None` where this process has no share in one."""
        feed = self._stepper.feed
        order = feed.order(epoch)[skip:]
        if mixes(self._stepper):  # with others of the whole batch: it is cut when that is done
            for positions, batch in zip(order, feed.train(epoch, skip), strict=True):
                yield batch if len(positions[self._share.of(len(positions))]) else None
            return
        mine = [positions[self._share.of(len(positions))] for positions in order]
        batches = iter(feed.train(epoch, order=[positions for positions in mine if len(positions)]))
        for whole, positions in zip(order, mine, strict=True):
            yield dataclasses.replace(next(batches), whole=len(whole)) if len(positions) else None

    def at(self, epoch: int, number: int) -> Batch | None:
        """Of one batch; those that follow one another are read ahead."""
        if self._next != (epoch, number):
            self._batches = self.from_(epoch, number)
        self._next = (epoch, number + 1)
        return next(self._batches)

    def cut(self, n: int) -> slice:
        """What is this process's of the n samples that `at` gave."""
        return self._share.of(n) if mixes(self._stepper) else slice(n)


def mixes(stepper: Stepper) -> bool:
    """Whether samples are mixed with others of their batch."""
    phase = stepper.training.plan.phase
    return isinstance(phase, Phase) and (phase.mixup > 0 or phase.cutmix > 0)


@dataclasses.dataclass(frozen=True)
class Order:
    """What each process is told of a batch."""

    epoch: int
    number: int
    seed: int
    micro: int


class Part:
    """What one process does of a phase."""

    def __init__(self, stepper: Stepper, group: Group) -> None:
        self.stepper, self.group = stepper, group
        self.shares = Shares(stepper, Share(group.rank, group.size, stepper.least))

    def gradients(self, order: Order, batch: Callable[[], Batch | None]) -> tuple[float, float]:
        """Leave the gradient of the whole batch on process 0, if all went well; how it went, and the mean loss."""
        parameters = self.stepper.training.parameters
        self.group.broadcast(parameters)
        status, weight, loss, error = self._alone(order, batch)
        seen = self.group.everyones([status, weight, loss])
        worst, whole = float(seen[:, 0].max()), float(seen[:, 1].sum())
        if error is not None:
            raise error
        if worst != FINE:
            self._emptied()
            return worst, math.nan
        share = weight / whole if whole else 0.0
        there = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad.mul_(share) for p in parameters]
        self.group.summed([*gradients, there])
        for parameter, gradient, some in zip(parameters, gradients, there.tolist(), strict=True):
            parameter.grad = gradient if some else None
        known = seen[:, 1] > 0
        return FINE, float((seen[known, 1] * seen[known, 2]).sum() / whole) if whole else 0.0

    def _emptied(self) -> None:
        """Give back what this share took; the batch is done again, in smaller parts."""
        self.stepper.training.optimizer.zero_grad(set_to_none=True)
        if self.stepper.feed.device.type == "cuda":
            torch.cuda.empty_cache()

    def _alone(self, order: Order, batch: Callable[[], Batch | None]) -> tuple[float, float, float, Exception | None]:
        """How this process's share went, what it counts, its mean loss, and an error that ends the run."""
        stepper, seed = self.stepper, order.seed
        stepper.training.progress.micro = order.micro
        stepper.training.optimizer.zero_grad(set_to_none=True)
        try:
            found = batch()
            if found is None:
                return FINE, 0.0, 0.0, None
            own = derive(seed, "process", self.group.rank) if self.group.rank else seed
            loss, weight = stepper.contribute(found, seed, own, self.shares.cut)
            return FINE, weight, loss, None
        except (RuntimeError, MemoryError) as error:
            return (FULL, 0.0, 0.0, None) if is_out_of_memory(error) else (FAILED, 0.0, 0.0, error)
        except Exception as error:
            return FAILED, 0.0, 0.0, error

    def outputs(self) -> Tensor:
        """Outputs on this process's share of the validation samples, with process 0's weights as they are evaluated."""
        self.group.broadcast(list(moving_tensors(self.stepper.training.network).values()))
        return self.stepper.feed.validate(self._held(self.group.rank))

    def _held(self, rank: int) -> Tensor:
        n, size = self.stepper.feed.held, self.group.size
        return torch.arange(n * rank // size, n * (rank + 1) // size)


_PARTS: dict[int, Part] = {}
"""Of the phases under way, by a number that process 0 gives them."""


class Division:
    """What process 0 asks of the others, for its stepper.

    Args:
        part: what this process does itself.
        number: of the phase.
    """

    def __init__(self, part: Part, number: int) -> None:
        self._part, self._number = part, number
        self._group = part.group

    @property
    def beside(self) -> int:
        """How many processes share the memory of this machine."""
        return self._group.size if self._group.together else 1

    def batches(self, epoch: int, skip: int) -> Iterator[Batch]:
        """This process's share of each batch of an epoch."""
        for batch in self._part.shares.from_(epoch, skip):
            assert batch is not None, "process 0 has a share of every batch"
            yield batch

    def gradients(self, batch: Batch, seed: int) -> float | None:
        """Leave the gradient of the whole batch; its mean loss, or `None` where it does not fit into memory."""
        progress = self._part.stepper.training.progress
        order = Order(progress.epoch, progress.batch, seed, progress.micro)
        found = self._group.shared(
            _gradients, self._number, order, here=lambda: self._part.gradients(order, lambda: batch)
        )
        assert found[0] is not None, "process 0 has a share of every batch"
        status, loss = found[0]
        return None if status != FINE else loss

    def outputs(self) -> Tensor:
        """Outputs (n, ...) on validation."""
        found = self._group.shared(_outputs, self._number, here=self._part.outputs)
        return joined([part for part in found if len(part)])

    def close(self) -> None:
        """The phase is over."""
        if not self._group.lost:
            self._group.shared(_close, self._number, here=_nothing)


def take_part(number: int, part: Part) -> None:
    """In another process: have what process 0 asks of a phase done by `part`."""
    _PARTS[number] = part


def _gradients(number: int, order: Order) -> None:
    part = _PARTS[number]
    part.gradients(order, lambda: part.shares.at(order.epoch, order.number))


def _outputs(number: int) -> Tensor:
    return _PARTS[number].outputs()


def _close(number: int) -> None:
    _PARTS.pop(number, None)


def _nothing() -> None:
    return None
