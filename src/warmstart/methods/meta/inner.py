"""The inner loop: a few steps of gradient descent on the samples of one task, as a function of the weights.

Nothing is written into a module, so the outer loss can be differentiated through the steps, and all tasks of a batch
are adapted at once (`torch.vmap`): the time is that of a few large operations, not of many small ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn.attention import SDPBackend, sdpa_kernel

Params = dict[str, Tensor]
"""Weights by name; those that are not in it are the module's own."""
Loss = Callable[[Tensor, Tensor], Tensor]
Pair = tuple[Tensor, Tensor]
"""Inputs (n, ...) and targets (n, ...)."""


@dataclasses.dataclass(frozen=True)
class Inner:
    """How a task is learned, and what the outer gradient sees of it.

    Args:
        module: maps inputs to outputs; its weights are never written to.
        loss: of outputs and targets, a mean over the samples.
        lr: of the steps.
        steps: how many.
        second_order: the outer gradient goes through the gradients of the steps (MAML, Finn et al. 2017, eq. 1); else
            they count as constants (first-order MAML, section 5.2).
        shares: of `lr`, by name of the weight; 1 where there is none.

    >>> inner = Inner(nn.Linear(1, 1, bias=False), nn.functional.mse_loss, lr=0.5, steps=1)
    >>> start = {"weight": torch.tensor([[1.0]])}
    >>> inner.adapted(start, [(torch.ones(1, 1), torch.zeros(1, 1))])["weight"]  # 1 - 0.5 * 2
    tensor([[0.]])
    """

    module: nn.Module
    loss: Loss
    lr: float
    steps: int
    second_order: bool = True
    shares: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def adapted(self, params: Params, batches: Iterable[Pair]) -> Params:
        """The weights after one step on each of `batches`."""

        def loss(weights: Params, x: Tensor, y: Tensor) -> Tensor:
            return self.loss(functional_call(self.module, weights, (x,)), y)

        for x, y in batches:
            # `grad` differentiates also where gradients are off around it; its result is then a constant outside.
            with contextlib.nullcontext() if self.second_order else torch.no_grad():
                gradients = grad(loss)(params, x, y)
            rates = {name: self.lr * self.shares.get(name, 1.0) for name in params}
            params = {name: value - rates[name] * gradients[name] for name, value in params.items()}
        return params

    def answers(self, params: Params, support: Pair, queries: Tensor) -> Tensor:
        """Outputs (tasks, m, ...) for the queries of each task, after the steps on its support.

        Args:
            params: weights that every task starts from.
            support: inputs (tasks, n, ...) and targets (tasks, n, ...).
            queries: inputs (tasks, m, ...).
        """

        def one(x: Tensor, y: Tensor, asked: Tensor) -> Tensor:
            found: Tensor = functional_call(self.module, self.adapted(params, [(x, y)] * self.steps), (asked,))
            return found

        with twice_differentiable():
            out: Tensor = torch.vmap(one, randomness="different")(*support, queries)
        return out

    def displacement(self, params: Params, batches: list[Pair]) -> Params:
        """How far the weights are from where the tasks take them, on average: what Reptile descends along.

        `start - mean(adapted)`, taken for a gradient (Nichol et al. 2018, algorithm 2). A step sees the batch that is
        its own; the first dimension of inputs and targets is that of the tasks. No graph is kept.
        """

        def one(*flat: Tensor) -> Params:
            return self.adapted(params, zip(flat[::2], flat[1::2], strict=True))

        with torch.no_grad():
            ends = torch.vmap(one, randomness="different")(*(tensor for pair in batches for tensor in pair))
            return {name: value - ends[name].mean(0) for name, value in params.items()}


def twice_differentiable() -> contextlib.AbstractContextManager[None]:
    """For the length of a `with`: attention by operations that have second derivatives; fused kernels have none."""
    return sdpa_kernel(SDPBackend.MATH)
