"""Contrastive training of the backbone as a step."""

from __future__ import annotations

import dataclasses

import torch

from warmstart.engine.context import Context
from warmstart.engine.contrastive import UnitFeatures
from warmstart.engine.data import RunData
from warmstart.engine.loop import run_phase
from warmstart.engine.state import RunState
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
    result = run_phase(
        UnitFeatures.of(state.network),
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
    return dataclasses.replace(
        state,
        last=result.last,
        best=result.best,
        before=None,
        curve=state.curve + result.curve,
        val_outputs=None,
        stopped="deadline" if result.stopped == "deadline" else state.stopped,
    )
