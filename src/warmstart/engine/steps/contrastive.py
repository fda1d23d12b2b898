"""Contrastive training of the backbone as a step."""

from __future__ import annotations

import torch

from warmstart.engine.context import Context
from warmstart.engine.contrastive import UnitFeatures
from warmstart.engine.data import RunData
from warmstart.engine.state import RunState
from warmstart.engine.steps.gradients import backbone_trained, train
from warmstart.errors import DataError, RecipeError
from warmstart.planning.plan import PhasePlan, StepPlan


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the backbone, read at its features. The head stays as it is: a later step fits it.

    Raises:
        RecipeError: labels are no classes.
        DataError: no class has two training samples.
    """
    assert isinstance(plan, PhasePlan)
    labels = data.targets(data.split.train)
    if labels.ndim != 1 or labels.is_floating_point():
        raise RecipeError(
            f"{plan.phase.name!r} draws samples of one class together, and labels here are something else",
            expected="one class for every sample",
            do="leave the step out of the recipe",
        )
    if not bool((torch.bincount(labels[labels >= 0]) > 1).any()):
        raise DataError(
            f"no class has two training samples, and {plan.phase.name!r} draws samples of a class together",
            expected="at least two samples of some class",
            do="use the recipe probe, or give more samples",
        )
    state.begin(plan.phase.start)
    return backbone_trained(state, train(UnitFeatures.of(state.network), plan, data, state, context))
