"""A head fitted on frozen features in closed form, as a step."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Measured
from warmstart.engine.features import features
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.of_task import fit_head
from warmstart.engine.score import Validation
from warmstart.engine.state import RunState
from warmstart.engine.training import copied
from warmstart.evaluation.outcome import CurveRow
from warmstart.model.inputs import weight_of
from warmstart.model.network import Network
from warmstart.model.several import linear_heads
from warmstart.planning.plan import HeadPlan, StepPlan

LINEAR = "blend"
"""Fitted when a phase follows and none of the heads asked for is linear: gradients need something to move."""


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Fit the heads of the step on the training features and put the best by cross-validation in place."""
    assert isinstance(plan, HeadPlan)
    began, network, name = time.monotonic(), state.network, plan.step.name
    state.begin("best")
    last = len(network.facts.chain) - 1
    options: dict[str, Any] = {"size": plan.size, "also": plan.cache.also, "listener": context.listener}
    train = features(network, last, data, data.split.train, **options)
    targets = data.targets(data.split.train)
    outputs_of = len(data.dataset.target.classes)
    of: dict[str, Any] = {"groups": network.facts.groups}
    of["units"] = [data.dataset.samples[int(i)].group for i in data.split.train]

    names = plan.step.heads
    chosen = fit_head(context.task, train, targets, outputs_of, names, context.seed, **of)
    while context.tuned and not chosen.trains_on:
        left = tuple(head for head in names if head != chosen.name)
        names = left if left and left != names else (LINEAR,)
        chosen = fit_head(context.task, train, targets, outputs_of, names, context.seed, **of)
    put(chosen, network)
    values = {f"cv_{key}": value for key, value in context.task.metrics(chosen.cv_outputs, targets).items()}
    outputs = None
    if len(data.split.val):
        held_out = features(network, last, data, data.split.val, **options)
        outputs = chosen.logits(held_out)
        values |= Validation.of(context.task, outputs, data.targets(data.split.val)).values
    values["seconds"] = time.monotonic() - began
    text = f"{name}: head {chosen.told or f'{chosen.name} by cross-validation'}"
    context.listener(Decided(text, {"head": chosen.name, "choice": chosen.choice}))
    context.listener(Measured(context.rung, name, 1, 0, values))
    ended = state.ended(copied(network), outputs, CurveRow(name, 1, 0, values))
    left_out = chosen.cv_outputs if state.left_out is None else state.left_out
    return dataclasses.replace(ended, before=None, left_out=left_out)  # weights before a phase had another head


def put(fitted: FittedHead, network: Network) -> None:
    """Make the fitted head the network's. Linear ones go into the linear heads that are there, whose dropout stays."""
    new, old = linear_heads(fitted.head), linear_heads(network.head)
    if new is not None and old is not None and len(new) == len(old):
        for ours, theirs in zip(old, new, strict=True):
            ours.set_linear(*theirs.as_linear)
        return
    device = weight_of(network.backbone).device
    network.head = fitted.head.to(device)
