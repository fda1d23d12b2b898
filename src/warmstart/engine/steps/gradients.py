"""What all steps that train by gradients have in common: one loop, and what is passed on of what it leaves."""

from __future__ import annotations

import dataclasses

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.loop import PhaseResult, run_phase
from warmstart.engine.state import RunState
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan


def train(network: Network, plan: PhasePlan, data: RunData, state: RunState, context: Context) -> PhaseResult:
    """Run the loop on `network`, as the recipe's run says; `state` is what the step began with."""
    return run_phase(
        network,
        plan,
        data,
        task=context.task,
        seed=context.seed,
        rung=context.rung,
        listener=context.listener,
        folder=context.folder,
        deadline=context.deadline,
        interrupt=context.interrupt,
        anchor=state.start,
    )


def backbone_trained(state: RunState, *results: PhaseResult) -> RunState:
    """The state after training of the backbone alone, the last result counting; its own weights are all that is kept.

    There is nothing to average with what was before, and no output: the head does not know of the new features.
    """
    own, result = state.network.state_dict().keys(), results[-1]
    return dataclasses.replace(
        state,
        last={name: tensor for name, tensor in result.last.items() if name in own},
        best={name: tensor for name, tensor in result.best.items() if name in own},
        before=None,
        beside={name: tensor for name, tensor in result.best.items() if name not in own},
        curve=state.curve + tuple(row for each in results for row in each.curve),
        val_outputs=None,
        stopped="deadline" if any(each.stopped == "deadline" for each in results) else state.stopped,
    )
