"""Gradient training as a step."""

from __future__ import annotations

import dataclasses

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.objective import Objective
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.gradients import train
from warmstart.engine.steps.registry import Making, steppers
from warmstart.engine.training import copied
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.recipe.phase import Phase
from warmstart.task.several import Several


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train from `last` or `best` of the step before, as the phase says."""
    assert isinstance(plan, PhasePlan)
    return train_phase(state, plan, data, context)


def train_phase(state: RunState, plan: PhasePlan, data: RunData, context: Context) -> RunState:
    """The same of any kind of step whose head learns to answer."""
    state.begin(plan.phase.start)
    before = copied(state.network)
    result = train(state.network, plan, data, state, context)
    return dataclasses.replace(
        state,
        last=result.last,
        best=result.best,
        before=before,
        curve=state.curve + result.curve,
        val_outputs=result.val_outputs,
        stopped="deadline" if result.stopped == "deadline" else state.stopped,
    )


def stepper(making: Making) -> Stepper:
    """One that minimises the loss of the task, or of several."""
    if isinstance(making.context.task, Several):
        return steppers["several"](making)
    phase, data, feed = making.phase, making.data, making.parts["feed"]
    assert isinstance(phase, Phase)
    objective = Objective.of(
        phase, making.context.task, lambda: data.targets(data.split.train), feed.classes, feed.device
    )
    return Stepper(**making.parts, objective=objective)
