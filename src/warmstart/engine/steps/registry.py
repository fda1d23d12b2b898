"""The kinds of steps, by the `kind` that a recipe writes. A new kind of step is one file beside this one."""

from __future__ import annotations

from collections.abc import Callable

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.state import RunState
from warmstart.errors import RecipeError
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.registry import Registry

StepRunner = Callable[[RunState, StepPlan, RunData, Context], RunState]

steps: Registry[StepRunner] = Registry("step", RecipeError)
steps.add("phase", "warmstart.engine.steps.phase:run")
steps.add("contrastive", "warmstart.engine.steps.contrastive:run")
steps.add("pretrain", "warmstart.engine.steps.pretrain:run")
steps.add("masked", "warmstart.engine.steps.pretext:run_masked")
steps.add("views", "warmstart.engine.steps.pretext:run_views")
steps.add("supervised", "warmstart.engine.steps.pretext:run_supervised")
steps.add("closed_form", "warmstart.engine.steps.closed_form:run")
steps.add("average", "warmstart.engine.steps.average:run")


def kind_of(plan: StepPlan) -> str:
    """The `kind` of the step that a plan was compiled from."""
    return plan.phase.kind if isinstance(plan, PhasePlan) else plan.step.kind


def name_of(plan: StepPlan) -> str:
    """The name that the recipe gave the step."""
    return plan.phase.name if isinstance(plan, PhasePlan) else plan.step.name
