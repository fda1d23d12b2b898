"""A module beside the network that is trained with it: it tells, and its gradient reaches the backbone reversed."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.seeds import derive
from warmstart.engine.state import RunState
from warmstart.engine.steps.gradients import train
from warmstart.engine.steps.pretrain import with_tokens
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.run import adapted
from warmstart.model.adapters.base import seeded
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.recipe.aligning import Adversarial


class Beside(Network):
    """A network with one more module beside it, which is dropped when the step is done.

    All else is shared with the network that it was made of, and has the same names.
    """

    def __init__(self, network: Network, beside: nn.Module) -> None:
        super().__init__(network.facts, network.head)
        self.beside = beside

    def clone(self) -> Beside:
        """A copy with weights of its own."""
        return Beside(super().clone(), copy.deepcopy(self.beside))


class Perceptron(nn.Module):
    """Points (n, inputs) of any scale to (n, outputs), through two hidden layers."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(inputs, elementwise_affine=False),
            nn.Linear(inputs, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The outputs."""
        found: Tensor = self.layers(x)
        return found


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return -ctx.factor * gradient, None


def reversed_gradient(x: Tensor, factor: float) -> Tensor:
    """`x` as it is, and its gradient times `-factor` (Ganin et al. 2016, section 4.2).

    >>> x = torch.ones(1, requires_grad=True)
    >>> reversed_gradient(x, 0.5).backward()
    >>> x.grad
    tensor([-0.5000])
    """
    found: Tensor = _Reversed.apply(x, factor)  # type: ignore[no-untyped-call]
    return found


def run_beside(state: RunState, plan: StepPlan, data: RunData, context: Context, beside: type[nn.Module]) -> RunState:
    """Train the network and a module `beside(features, classes, width)`; the result is the network's last weights."""
    assert isinstance(plan, PhasePlan)
    assert isinstance(plan.phase, Adversarial)
    state.begin(plan.phase.start)
    with seeded(derive(context.seed, plan.phase.name)):
        module = beside(state.network.facts.out_features, len(data.dataset.target.classes), plan.phase.width)
    network = Beside(state.network, module)
    return adapted(state, train(network, with_tokens(plan, network, plan.phase.head_lr), data, state, context))


def beside_of(making: Making) -> nn.Module:
    """The module beside the network that is trained."""
    assert isinstance(making.network, Beside), "what runs the step puts it there"
    return making.network.beside
