"""What the losses of several tasks weigh: the contract, and the rules that weigh losses.

What a rule learns lies in tensors that are kept with the training (`Training.beside`), so that a run that is resumed or
rolled back goes on with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

Beside = dict[str, Tensor]


class Balance(Protocol):
    """Turns the losses of the tasks into gradients. A batch goes in whole or in parts, between `begin` and `finish`."""

    def begin(self, present: Tensor) -> None:
        """A new batch; `present` (tasks,) says which tasks have a label in it."""
        ...

    def backward(self, losses: Tensor, features: Tensor) -> None:
        """Add the gradients of a part of the batch: losses (tasks,), which add up to those of the whole, of the heads'
        outputs from `features`.
        """
        ...

    def finish(self, losses: Tensor) -> None:
        """The batch is whole: `losses` (tasks,) are its own, detached."""
        ...


@dataclasses.dataclass
class Adam:
    """Adam (Kingma & Ba 2015) on one small tensor whose moments can be kept with the training."""

    name: str
    beside: Beside
    lr: float

    def step(self, value: Tensor, gradient: Tensor, where: Tensor) -> None:
        """Move `value` in place against `gradient`, at the places where `where` holds."""
        first = self.beside.setdefault(f"{self.name}/first", torch.zeros_like(value))
        second = self.beside.setdefault(f"{self.name}/second", torch.zeros_like(value))
        count = self.beside.setdefault(f"{self.name}/steps", torch.zeros_like(value))
        count[where] += 1
        first[where] = 0.9 * first[where] + 0.1 * gradient[where]
        second[where] = 0.999 * second[where] + 0.001 * gradient[where].square()
        steps = count[where]
        mean, scale = first[where] / (1 - 0.9**steps), second[where] / (1 - 0.999**steps)
        value[where] -= self.lr * mean / (scale.sqrt() + 1e-8)


@dataclasses.dataclass
class Sum:
    """Every task counts as its loss says (Kurin et al. 2022)."""

    differentiate: Callable[[Tensor], None]

    def begin(self, present: Tensor) -> None:
        """Nothing is kept."""

    def backward(self, losses: Tensor, features: Tensor) -> None:
        """Differentiate the sum."""
        self.differentiate(losses.sum())

    def finish(self, losses: Tensor) -> None:
        """Nothing is learned."""


class Uncertainty:
    """Losses over the variance of each task, which is learned (Kendall et al. 2018, eq. 7 and 10).

    With s = log sigma^2 the loss of a task is `exp(-s) L + s / 2`, and `exp(-s) L / 2 + s / 2` where L is a squared
    error. The s are moved by an Adam of their own and play no part once training is over.
    """

    def __init__(
        self, differentiate: Callable[[Tensor], None], squared: Sequence[bool], beside: Beside, lr: float
    ) -> None:
        self._differentiate = differentiate
        self._factor = torch.tensor([0.5 if one else 1.0 for one in squared])
        self.log_variance = beside.setdefault("uncertainty", torch.zeros(len(squared)))
        self._adam = Adam("uncertainty", beside, lr)
        self._present = torch.ones(len(squared), dtype=torch.bool)

    def begin(self, present: Tensor) -> None:
        """Remember which tasks there are."""
        self._present = present.cpu()

    def backward(self, losses: Tensor, features: Tensor) -> None:
        """Differentiate the weighed sum."""
        self._differentiate((self._weights().to(losses) * losses).sum())

    def finish(self, losses: Tensor) -> None:
        """Move the variances of the tasks in the batch: the derivative by s is `1 / 2 - weight L`."""
        self._adam.step(self.log_variance, 0.5 - self._weights() * losses.cpu(), self._present)

    def _weights(self) -> Tensor:
        return self._factor * torch.exp(-self.log_variance)


class GradNorm:
    """Weights under which all tasks move the trunk about as much, the slower ones more (Chen et al. 2018, alg. 1).

    The norms are those of the gradients by `last`, the last parameters that the tasks share. The weights add up to the
    number of tasks.
    """

    ALPHA = 1.5
    """How much more a task is pulled that has learned less, as in the paper's main experiments."""
    LR = 0.025
    """Of the weights; the paper's."""
    LEAST = 0.01

    def __init__(
        self, differentiate: Callable[[Tensor], None], last: Sequence[Tensor], tasks: int, beside: Beside
    ) -> None:
        self._differentiate, self._last, self._tasks = differentiate, list(last), tasks
        self.weights = beside.setdefault("gradnorm", torch.ones(tasks))
        self._begun = beside.setdefault("gradnorm/first_loss", torch.full((tasks,), torch.nan))
        self._adam = Adam("gradnorm", beside, self.LR)
        self._present = torch.ones(tasks, dtype=torch.bool)
        self._sums: list[Tensor] = []

    def begin(self, present: Tensor) -> None:
        """Forget the gradients of the batch before."""
        self._present, self._sums = present.cpu(), []

    def backward(self, losses: Tensor, features: Tensor) -> None:
        """The gradient of each task by the last shared parameters, and then the weighed sum differentiated."""
        weighed = self.weights.to(losses) * losses
        rows = torch.stack([self._row(loss) for loss in weighed])
        self._sums = [rows if not self._sums else self._sums[0] + rows]
        self._differentiate(weighed.sum())

    def finish(self, losses: Tensor) -> None:
        """Move the weights towards equal pulls: the derivative of `|G - target|` by a weight is its norm, or minus."""
        losses, here = losses.cpu(), self._present
        self._begun[self._begun.isnan() & here] = losses[self._begun.isnan() & here].clamp_min(1e-8)
        if int(here.sum()) < 2:
            return
        norms = self._sums[0].norm(dim=1).float().cpu()
        behind = (losses / self._begun)[here]
        target = norms[here].mean() * (behind / behind.mean().clamp_min(1e-8)) ** self.ALPHA
        slope = torch.zeros(self._tasks)
        slope[here] = torch.sign(norms[here] - target) * norms[here] / self.weights[here]
        self._adam.step(self.weights, slope, here)
        self.weights.clamp_(min=self.LEAST)
        self.weights.mul_(self._tasks / self.weights.sum())

    def _row(self, loss: Tensor) -> Tensor:
        found = torch.autograd.grad(loss, self._last, retain_graph=True, allow_unused=True, materialize_grads=True)
        return torch.cat([one.flatten() for one in found]).detach()
