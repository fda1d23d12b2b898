"""Contrastive training of the backbone as a step."""

from __future__ import annotations

import torch

from warmstart.engine.context import Context
from warmstart.engine.contrastive import ContrastiveStepper, SupCon, UnitFeatures
from warmstart.engine.data import RunData
from warmstart.engine.pretext import PretextNetwork, Projection
from warmstart.engine.seeds import derive
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.gradients import backbone_trained, train
from warmstart.engine.steps.pretrain import with_tokens
from warmstart.engine.steps.registry import Making
from warmstart.errors import DataError, RecipeError
from warmstart.model.adapters.base import seeded
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.recipe.of_backbone import Contrastive


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the backbone, read at its features. The head stays as it is: a later step fits it.

    Raises:
        RecipeError: labels are no classes.
        DataError: no class has two training samples.
    """
    assert isinstance(plan, PhasePlan)
    assert isinstance(plan.phase, Contrastive)
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
    network: Network = UnitFeatures.of(state.network)
    if plan.phase.projection:
        with seeded(derive(context.seed, plan.phase.name)):
            layer = Projection(state.network.facts.out_features, plan.phase.projection)
        network = PretextNetwork(state.network, layer)
        plan = with_tokens(plan, network, plan.phase.head_lr)
    return backbone_trained(state, train(network, plan, data, state, context))


def stepper(making: Making) -> Stepper:
    """One that draws the features of a class together."""
    phase = making.phase
    assert isinstance(phase, Contrastive)
    return ContrastiveStepper(**making.parts, objective=SupCon(phase.temperature))
