"""The kinds of steps, by the `kind` that a recipe writes: what runs each, and what minimises its loss on a batch.

A new kind of step is one file beside this one, or in the room `methods` where it is more than a phase.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypedDict

from accelerate import Accelerator
from torch import nn

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Listener
from warmstart.engine.feed import Feed
from warmstart.engine.penalty import StartingPoint
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.training import Training
from warmstart.errors import RecipeError
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.recipe.phase import GradientStep
from warmstart.registry import Registry

StepRunner = Callable[[RunState, StepPlan, RunData, Context], RunState]

steps: Registry[StepRunner] = Registry("step", RecipeError)
steps.add("phase", "warmstart.engine.steps.phase:run")
steps.add("contrastive", "warmstart.engine.steps.contrastive:run")
steps.add("pretrain", "warmstart.engine.steps.pretrain:run")
steps.add("masked", "warmstart.engine.steps.pretext:run_masked")
steps.add("views", "warmstart.engine.steps.pretext:run_views")
steps.add("supervised", "warmstart.engine.steps.pretext:run_supervised")
for _kind in ("mcc", "dan", "coral"):
    steps.add(_kind, "warmstart.methods.adaptation.run:run")
steps.add("dann", "warmstart.methods.adaptation.dann:run")
steps.add("cdan", "warmstart.methods.adaptation.cdan:run")
steps.add("mdd", "warmstart.methods.adaptation.mdd:run")
steps.add("self_train", "warmstart.methods.adaptation.run:run")
steps.add("source_free", "warmstart.methods.adaptation.shot:run")
steps.add("statistics", "warmstart.methods.adaptation.adabn:run")
steps.add("distill", "warmstart.methods.distillation.step:run")
steps.add("meta", "warmstart.methods.meta.step:run")
steps.add("closed_form", "warmstart.engine.steps.closed_form:run")
steps.add("average", "warmstart.engine.steps.average:run")


class Parts(TypedDict):
    """What every stepper is made of, besides its objective; see `Stepper`."""

    accelerator: Accelerator
    suffix: nn.Module
    training: Training
    feed: Feed
    penalty: StartingPoint | None
    listener: Listener


@dataclasses.dataclass(frozen=True)
class Making:
    """What is known where a stepper is made; a maker takes of it what its objective needs."""

    parts: Parts
    network: Network
    data: RunData
    context: Context

    @property
    def phase(self) -> GradientStep:
        """The step, as it was planned."""
        return self.parts["training"].plan.phase


StepperMaker = Callable[[Making], Stepper]

steppers: Registry[StepperMaker] = Registry("step that trains by gradients", RecipeError)
"""Of the steps that train by gradients; `run` of each ends in `warmstart.engine.steps.gradients.train`."""
steppers.add("phase", "warmstart.engine.steps.phase:stepper")
steppers.add("several", "warmstart.methods.multitask.stepper:stepper")  # of a phase on several tasks
steppers.add("contrastive", "warmstart.engine.steps.contrastive:stepper")
steppers.add("pretrain", "warmstart.engine.steps.pretrain:stepper")
steppers.add("masked", "warmstart.engine.steps.pretext:hidden_stepper")
steppers.add("views", "warmstart.engine.steps.pretext:view_stepper")
steppers.add("supervised", "warmstart.engine.steps.pretext:supervised_stepper")
for _kind in ("mcc", "dan", "coral", "dann", "cdan", "mdd"):
    steppers.add(_kind, f"warmstart.methods.adaptation.{_kind}:stepper")
steppers.add("self_train", "warmstart.methods.adaptation.selftrain:stepper")
steppers.add("source_free", "warmstart.methods.adaptation.shot:stepper")
steppers.add("distill", "warmstart.methods.distillation.step:stepper")
steppers.add("meta", "warmstart.methods.meta.step:stepper")


def kind_of(plan: StepPlan) -> str:
    """The `kind` of the step that a plan was compiled from."""
    return plan.phase.kind if isinstance(plan, PhasePlan) else plan.step.kind


def name_of(plan: StepPlan) -> str:
    """The name that the recipe gave the step."""
    return plan.phase.name if isinstance(plan, PhasePlan) else plan.step.name
