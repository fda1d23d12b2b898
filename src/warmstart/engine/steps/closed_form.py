"""A head fitted on frozen features in closed form, as a step."""

from __future__ import annotations

import time

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Measured
from warmstart.engine.feed import features
from warmstart.engine.heads.base import FittedHead, closed_form
from warmstart.engine.heads.score import best
from warmstart.engine.state import RunState
from warmstart.engine.training import copied
from warmstart.evaluate.outcome import CurveRow
from warmstart.model.head import LinearHead
from warmstart.model.network import Network
from warmstart.plan.plan import HeadPlan, StepPlan

LINEAR = "logistic"
"""Fitted when a phase follows and none of the heads asked for is linear: gradients need something to move."""


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Fit the heads of the step on the features of the training samples and put the best by cross-validation in place."""
    assert isinstance(plan, HeadPlan)
    began, network, name = time.monotonic(), state.network, plan.step.name
    state.begin("best")
    last = len(network.facts.chain) - 1
    train = features(network, last, data, data.split.train, size=plan.size, listener=context.listener)
    labels = data.dataset.labels[data.split.train]
    classes = len(data.dataset.target.classes)

    def fit(head: str) -> FittedHead:
        return closed_form[head](train, labels, classes, seed=context.seed)

    fits = [fit(head) for head in plan.step.heads]
    if "phase" in context.then:
        fits = [fitted for fitted in fits if fitted.linear() is not None] or [fit(LINEAR)]
    chosen = fits[best([fitted.cv_outputs for fitted in fits], labels)[0]]
    put(chosen, network)
    values = {f"cv_{key}": v for key, v in context.task.metrics(chosen.cv_outputs, data.targets(data.split.train)).items()}
    outputs = None
    if len(data.split.val):
        held_out = features(network, last, data, data.split.val, size=plan.size, listener=context.listener)
        outputs, targets = chosen.logits(held_out), data.targets(data.split.val)
        values["val_loss"] = float(context.task.loss(outputs, targets))
        values |= {f"val_{key}": value for key, value in context.task.metrics(outputs, targets).items()}
    values["seconds"] = time.monotonic() - began
    text = f"{name}: head {chosen.name} by cross-validation"
    context.listener(Decided(text, {"head": chosen.name, "choice": chosen.choice}))
    context.listener(Measured(context.rung, name, 1, 0, values))
    return state.ended(copied(network), outputs, CurveRow(name, 1, 0, values))


def put(fitted: FittedHead, network: Network) -> None:
    """Make the fitted head the network's. A linear one goes into the linear head that is there, whose dropout stays."""
    linear = fitted.linear()
    if linear is not None and isinstance(network.head, LinearHead):
        network.head.set_linear(*linear)
        return
    device = next(network.backbone.parameters()).device
    network.head = fitted.head.to(device)
