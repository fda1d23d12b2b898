"""Conditional domain-adversarial training (CDAN and CDAN+E, Long et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.beside import Perceptron, beside_of, reversed_gradient, run_beside
from warmstart.methods.adaptation.losses import sureness, told_apart
from warmstart.methods.adaptation.two_streams import Pair, two_streams
from warmstart.planning.plan import StepPlan
from warmstart.recipe.aligning import Cdan

LARGEST = 4096
"""Numbers of a product of features and probabilities; a larger one is drawn from at random (eq. 6)."""
DRAWN = 1024


class Conditional(nn.Module):
    """One logit (n,) from features (n, d) and probabilities (n, classes): from all products of both (eq. 5), or where
    there are more than `LARGEST`, from `DRAWN` products of random sums of each (eq. 6).
    """

    def __init__(self, features: int, classes: int, width: int) -> None:
        super().__init__()
        self.all = features * classes <= LARGEST
        if not self.all:
            self.register_buffer("of_features", torch.randn(features, DRAWN))
            self.register_buffer("of_classes", torch.randn(classes, DRAWN) / DRAWN**0.5)
        self.layers = Perceptron(features * classes if self.all else DRAWN, 1, width)

    def forward(self, features: Tensor, probabilities: Tensor) -> Tensor:
        """The logits."""
        found: Tensor = self.layers(self.products(features, probabilities))
        return found[:, 0]

    def products(self, features: Tensor, probabilities: Tensor) -> Tensor:
        """What they are from (n, numbers)."""
        if self.all:
            return (probabilities[:, :, None] * features[:, None]).flatten(1)
        return (features @ self.of_features) * (probabilities @ self.of_classes)


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the network against a discriminator of features with predictions."""
    return run_beside(state, plan, data, context, Conditional)


def stepper(making: Making) -> Stepper:
    """One that gives features by which source and target cannot be told apart class by class."""
    step, discriminator = making.phase, beside_of(making)
    assert isinstance(step, Cdan)

    def alignment(pair: Pair) -> Tensor:
        both = reversed_gradient(torch.cat([pair.source, pair.target]), pair.weight)
        outputs, n = torch.cat([pair.source_outputs, pair.target_outputs]).detach(), len(pair.source)
        logits, weights = discriminator(both, outputs.softmax(1)), sureness(outputs)
        return told_apart(logits[:n], logits[n:], (weights[:n], weights[n:]) if step.entropy else None)

    return two_streams(making, alignment)
