"""Domain-adversarial training (DANN, Ganin et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.beside import Perceptron, beside_of, reversed_gradient, run_beside
from warmstart.methods.adaptation.losses import told_apart
from warmstart.methods.adaptation.two_streams import Pair, two_streams
from warmstart.planning.plan import StepPlan


class Discriminator(nn.Module):
    """One logit (n,) from features (n, d): of the target rather than of the source."""

    def __init__(self, features: int, classes: int, width: int) -> None:
        super().__init__()
        self.layers = Perceptron(features, 1, width)

    def forward(self, features: Tensor) -> Tensor:
        """The logits."""
        found: Tensor = self.layers(features)
        return found[:, 0]


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the network against a discriminator."""
    return run_beside(state, plan, data, context, Discriminator)


def stepper(making: Making) -> Stepper:
    """One that gives features by which source and target cannot be told apart."""
    discriminator = beside_of(making)

    def alignment(pair: Pair) -> Tensor:
        both = reversed_gradient(torch.cat([pair.source, pair.target]), pair.weight)
        logits = discriminator(both)
        return told_apart(logits[: len(pair.source)], logits[len(pair.source) :])

    return two_streams(making, alignment)
