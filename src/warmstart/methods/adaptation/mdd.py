"""Margin disparity discrepancy (MDD, Zhang et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.beside import Perceptron, beside_of, reversed_gradient, run_beside
from warmstart.methods.adaptation.losses import margin_disparity
from warmstart.methods.adaptation.two_streams import Pair, two_streams
from warmstart.planning.plan import StepPlan
from warmstart.recipe.aligning import Mdd


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the network against a second classifier."""
    return run_beside(state, plan, data, context, Perceptron)


def stepper(making: Making) -> Stepper:
    """One that gives features on which no second classifier differs from the head on the target alone."""
    step, other = making.phase, beside_of(making)
    assert isinstance(step, Mdd)

    def alignment(pair: Pair) -> Tensor:
        both, n = torch.cat([pair.source, pair.target]), len(pair.source)
        logits = other(reversed_gradient(both, pair.weight))
        return margin_disparity(pair.source_outputs, pair.target_outputs, logits[:n], logits[n:], step.margin)

    return two_streams(making, alignment)
