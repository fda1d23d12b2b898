"""A head fitted on frozen features in closed form, as a step."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

from torch import Tensor

from warmstart.engine.allowance import at_a_time, holds_features, refuse_held
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Measured
from warmstart.engine.features import features, stored
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.of_task import can, fit_in_blocks
from warmstart.engine.heads.of_task import fit_head
from warmstart.engine.score import Validation
from warmstart.engine.state import RunState
from warmstart.engine.training import copied
from warmstart.evaluation.outcome import CurveRow
from warmstart.evaluation.predict import joined
from warmstart.model.inputs import weight_of
from warmstart.model.network import Network
from warmstart.model.several import linear_heads
from warmstart.planning.cost import COPIES
from warmstart.planning.plan import HeadPlan, StepPlan

LINEAR = "blend"
"""Fitted when a phase follows and none of the heads asked for is linear: gradients need something to move."""


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Fit the heads of the step on the training features and put the best by cross-validation in place.

    Where memory does not suffice for all features and what is made of them, they are read in blocks.
    """
    assert isinstance(plan, HeadPlan)
    began, network, name = time.monotonic(), state.network, plan.step.name
    state.begin("best")
    fit, targets = _fit_on(network, plan, data, context), data.targets(data.split.train)
    names = plan.step.heads
    chosen = fit(names)
    while context.tuned and not chosen.trains_on:
        left = tuple(head for head in names if head != chosen.name)
        names = left if left and left != names else (LINEAR,)
        chosen = fit(names)
    put(chosen, network)
    values = {f"cv_{key}": value for key, value in context.task.metrics(chosen.cv_outputs, targets).items()}
    outputs = None
    if len(data.split.val):
        outputs = _answers(chosen, network, plan, data, context)
        values |= Validation.of(context.task, outputs, data.targets(data.split.val)).values
    values["seconds"] = time.monotonic() - began
    text = f"{name}: head {chosen.told or f'{chosen.name} by cross-validation'}"
    context.listener(Decided(text, {"head": chosen.name, "choice": chosen.choice}))
    context.listener(Measured(context.rung, name, 1, 0, values))
    ended = state.ended(copied(network), outputs, CurveRow(name, 1, 0, values))
    left_out = chosen.cv_outputs if state.left_out is None else state.left_out
    return dataclasses.replace(ended, before=None, left_out=left_out)  # weights before a phase had another head


def _fit_on(
    network: Network, plan: HeadPlan, data: RunData, context: Context
) -> Callable[[tuple[str, ...]], FittedHead]:
    """Fits the heads that it is given the names of; features are held, or read where they are stored."""
    indices, last, task = data.split.train, len(network.facts.chain) - 1, context.task
    targets, outputs = data.targets(indices), len(data.dataset.target.classes)
    units = [data.dataset.samples[int(i)].group for i in indices]
    options: dict[str, Any] = {"size": plan.size, "also": plan.cache.also, "listener": context.listener}
    width, heads = math.prod(network.facts.chain.activation_shape(last, plan.size)), plan.step.heads
    held, blocks = holds_features(len(indices), width, outputs), can(task, heads)
    if held or not blocks:
        if not held:
            refuse_held(f"the head {', '.join(heads)}", len(indices), width, COPIES if task.name == "classify" else 2)
        rows = features(network, last, data, indices, **options)
        of: dict[str, Any] = {"groups": network.facts.groups, "units": units}
        return lambda names: fit_head(task, rows, targets, outputs, names, context.seed, **of)
    found = stored(network, last, data, indices, **options)
    if found is None:  # nothing may be stored: they are held themselves, and nothing beside them
        found = features(network, last, data, indices, **options)
    said = f"{plan.step.name}: features of {len(indices)} {data.facts.noun} are read in blocks, for they do not fit"
    context.listener(Decided(f"{said} in memory with all that is made of them"))
    return lambda names: fit_in_blocks(task, found, targets, outputs, names, context.seed)


def _answers(fitted: FittedHead, network: Network, plan: HeadPlan, data: RunData, context: Context) -> Tensor:
    """Outputs (n, ...) for the validation samples, of as many features at a time as may be held."""
    last, indices = len(network.facts.chain) - 1, data.split.val
    options: dict[str, Any] = {"size": plan.size, "also": plan.cache.also, "listener": context.listener}
    step = at_a_time(network.facts.chain, last, plan.size)
    parts = [indices[i : i + step] for i in range(0, len(indices), step)]
    return joined([fitted.logits(features(network, last, data, part, **options)) for part in parts])


def put(fitted: FittedHead, network: Network) -> None:
    """Make the fitted head the network's. Linear ones go into the linear heads that are there, whose dropout stays."""
    new, old = linear_heads(fitted.head), linear_heads(network.head)
    if new is not None and old is not None and len(new) == len(old):
        for ours, theirs in zip(old, new, strict=True):
            ours.set_linear(*theirs.as_linear)
        return
    device = weight_of(network.backbone).device
    network.head = fitted.head.to(device)
