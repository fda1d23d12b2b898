"""What all steps that adapt to a target have in common: the loop, and what is passed on of what it leaves."""

from __future__ import annotations

import dataclasses

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.loop import PhaseResult
from warmstart.engine.state import RunState
from warmstart.engine.steps.gradients import train
from warmstart.planning.plan import PhasePlan, StepPlan


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train from `last` or `best` of the step before; the result is the last epoch's weights."""
    assert isinstance(plan, PhasePlan)
    state.begin(plan.phase.start)
    return adapted(state, train(state.network, plan, data, state, context))


def adapted(state: RunState, result: PhaseResult) -> RunState:
    """The state after a step that adapts, whose best epoch is its last: the weights of the network alone."""
    own = state.network.state_dict().keys()
    weights = {name: tensor for name, tensor in result.best.items() if name in own}
    ended = state.ended(weights, result.val_outputs, *result.curve)
    stopped = "deadline" if result.stopped == "deadline" else state.stopped
    return dataclasses.replace(ended, before=None, stopped=stopped)
