"""What all steps that adapt to a target have in common: the loop, with or without a module beside the network."""

from __future__ import annotations

import copy
import dataclasses

from torch import nn

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.loop import PhaseResult
from warmstart.engine.state import RunState
from warmstart.engine.steps.gradients import train
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan, StepPlan


class Beside(Network):
    """A network with one more module beside it, which trains with it and is dropped when the step is done.

    All else is shared with the network that it was made of, and has the same names.
    """

    def __init__(self, network: Network, beside: nn.Module) -> None:
        super().__init__(network.facts, network.head)
        self.beside = beside

    def clone(self) -> Beside:
        """A copy with weights of its own."""
        return Beside(super().clone(), copy.deepcopy(self.beside))


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train from `last` or `best` of the step before; the result is the last epoch's weights."""
    assert isinstance(plan, PhasePlan)
    state.begin(plan.phase.start)
    return adapted(state, train(state.network, plan, data, state, context))


def adapted(state: RunState, result: PhaseResult) -> RunState:
    """The state after a step that adapts: the weights of the network alone."""
    own = state.network.state_dict().keys()
    weights = {name: tensor for name, tensor in result.best.items() if name in own}
    ended = state.ended(weights, result.val_outputs, *result.curve)
    stopped = "deadline" if result.stopped == "deadline" else state.stopped
    return dataclasses.replace(ended, before=None, stopped=stopped)
