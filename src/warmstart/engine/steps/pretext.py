"""Pretraining on another task than the user's as steps: telling what is hidden, views of one input, many data sets."""

from __future__ import annotations

from torch import nn

from warmstart.data.targets import ClassTarget
from warmstart.engine.context import Context
from warmstart.engine.contrastive import SupCon
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided
from warmstart.engine.pretext import (
    GroupedSoftmax,
    HiddenLoss,
    HiddenStepper,
    PretextNetwork,
    PretextStepper,
    Projection,
    Restored,
    ViewStepper,
    restoring,
    sets_of,
)
from warmstart.engine.seeds import derive
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.gradients import backbone_trained, train
from warmstart.engine.steps.pretrain import with_tokens
from warmstart.engine.steps.registry import Making
from warmstart.errors import RecipeError
from warmstart.model.adapters.base import seeded
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.recipe.of_backbone import Masked, Supervised, Views


def run_masked(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the backbone to tell what is hidden of series. The head stays as it is: a later step fits it."""
    assert isinstance(plan, PhasePlan)
    with seeded(derive(context.seed, plan.phase.name)):
        at, layer = restoring(state.network, plan.size)
    where = state.network.facts.chain.cuts[at].name
    context.listener(Decided(f"{plan.phase.name}: what is hidden is told from the activations at {where!r}"))
    return _run(state, plan, data, context, layer, at)


def run_views(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the backbone on views of inputs. The head stays as it is."""
    assert isinstance(plan, PhasePlan)
    assert isinstance(plan.phase, Views)
    with seeded(derive(context.seed, plan.phase.name)):
        layer = Projection(state.network.facts.out_features, plan.phase.projection)
    return _run(state, plan, data, context, layer)


def run_supervised(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the backbone on the classes of all sets.

    Raises:
        RecipeError: labels are no classes.
    """
    assert isinstance(plan, PhasePlan)
    if not isinstance(data.dataset.target, ClassTarget):
        raise RecipeError(
            f"{plan.phase.name!r} learns classes, and labels here are something else",
            expected="one class for every sample",
            do="choose another objective",
        )
    with seeded(derive(context.seed, plan.phase.name)):
        layer = nn.Linear(state.network.facts.out_features, len(data.dataset.target.classes))
    return _run(state, plan, data, context, layer)


def _run(state: RunState, plan: PhasePlan, data: RunData, context: Context, layer: nn.Module, at: int = -1) -> RunState:
    step = plan.phase
    assert isinstance(step, Masked | Views | Supervised)
    state.begin(step.start)
    network = PretextNetwork(state.network, layer, at)
    return backbone_trained(state, train(network, with_tokens(plan, network, step.head_lr), data, state, context))


def hidden_stepper(making: Making) -> Stepper:
    """One that tells what is hidden."""
    step = making.phase
    assert isinstance(step, Masked)
    assert isinstance(making.network, PretextNetwork)
    assert isinstance(making.network.pretext, Restored)
    stretch = making.network.pretext.each
    return HiddenStepper(**making.parts, objective=HiddenLoss(), data=making.data, share=step.masked, stretch=stretch)


def view_stepper(making: Making) -> Stepper:
    """One that draws two views of an input together."""
    step = making.phase
    assert isinstance(step, Views)
    return ViewStepper(**making.parts, objective=SupCon(step.temperature), data=making.data)


def supervised_stepper(making: Making) -> Stepper:
    """One that tells the classes of each set."""
    return PretextStepper(
        **making.parts, objective=GroupedSoftmax(sets_of(making.data.dataset.target.classes)), data=making.data
    )
