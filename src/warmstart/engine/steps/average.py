"""Average of the weights before and after the last phase (WiSE-FT, Wortsman et al. 2022, eq. 1)."""

from __future__ import annotations

import time

from torch import Tensor

from warmstart.engine.allowance import EVALUATED, batch_within
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Measured
from warmstart.engine.score import Validation, better
from warmstart.engine.state import RunState, Weights
from warmstart.errors import RecipeError
from warmstart.evaluation.outcome import CurveRow
from warmstart.evaluation.predict import predict_outputs
from warmstart.planning.plan import AveragePlan, StepPlan

UNSEEN = 0.5
"""The share taken where there is no validation to choose by; what the paper recommends then (section 4)."""


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Try every share of the tuned weights on validation and keep the best; the first one of equals.

    Raises `RecipeError` if no phase came before: there are no two states to average.
    """
    assert isinstance(plan, AveragePlan)
    if state.before is None or state.before.keys() != state.best.keys():
        raise RecipeError(
            f"step {plan.step.name!r} averages the weights before and after the last phase, and there is no such phase",
            expected="a phase before it, and no new head since",
            do="put it behind a phase",
        )
    name = plan.step.name
    if not len(data.split.val):
        context.listener(Decided(f"{name}: share {UNSEEN} of the tuned weights, for want of validation data"))
        return state.ended(mixed(state.before, state.best, UNSEEN), None)
    chosen: tuple[float, Weights, Validation] | None = None
    curve: list[CurveRow] = []
    for alpha in plan.step.alphas:
        if context.deadline.passed:
            break
        began, weights = time.monotonic(), mixed(state.before, state.best, alpha)
        validation = _evaluate(state, weights, plan.size, data, context)
        values = validation.values | {"alpha": alpha, "seconds": time.monotonic() - began}
        curve.append(CurveRow(name, len(curve) + 1, 0, values))
        context.listener(Measured(context.rung, name, len(curve), 0, values))
        if better(validation.score, chosen[2].score if chosen else None):
            chosen = alpha, weights, validation
    if chosen is None:
        context.listener(Decided(f"{name}: no share could be measured; the tuned weights stay as they are"))
        return state
    context.listener(Decided(f"{name}: share {chosen[0]:g} of the tuned weights, by validation", {"alpha": chosen[0]}))
    return state.ended(chosen[1], chosen[2].outputs, *curve)


def mixed(before: Weights, tuned: Weights, alpha: float) -> Weights:
    """`(1 - alpha) * before + alpha * tuned`; exactly one of them at 0 and 1. Counters come from `tuned`."""

    def one(old: Tensor, new: Tensor) -> Tensor:
        return old.lerp(new, alpha) if new.is_floating_point() else new.clone()

    return {name: one(before[name], new) for name, new in tuned.items()}


def _evaluate(state: RunState, weights: Weights, size: int, data: RunData, context: Context) -> Validation:
    state.network.load_state_dict(weights)
    at_once = batch_within(state.network.facts, size, EVALUATED)
    outputs = predict_outputs(state.network, data.inputs(size), data.split.val, batch_size=at_once)
    return Validation.of(context.task, outputs, data.targets(data.split.val, size))
