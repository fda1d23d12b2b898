"""Adaptive batch normalisation (AdaBN, Li et al. 2016) as a step."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import numpy as np
from torch import Tensor

from warmstart.data.stores import batches_of
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Measured
from warmstart.engine.memory import until_it_fits
from warmstart.engine.seeds import derive
from warmstart.engine.state import RunState
from warmstart.engine.training import copied
from warmstart.evaluation.outcome import CurveRow
from warmstart.methods.adaptation.statistics import batch_norms, take_statistics
from warmstart.model.inputs import weight_of
from warmstart.planning.plan import StatisticsPlan, StepPlan

AT_ONCE = 64


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Take the statistics of the best weights so far from samples, which pass in an order drawn at random."""
    assert isinstance(plan, StatisticsPlan)
    began, step, network = time.monotonic(), plan.step, state.network
    device = weight_of(network.backbone).device
    samples = data.split.unlabelled if step.of == "target" else data.split.train
    store, chosen = data.inputs(plan.size), np.asarray(samples, dtype=np.int64)
    seed = derive(context.seed, step.name)

    def batches(size: int) -> Iterator[Tensor]:
        for batch in batches_of(store, chosen, batch_size=size, shuffle=True, seed=seed):
            yield batch.inputs.to(device)

    def take(size: int) -> int:
        state.begin("best")
        return take_statistics(network, batches(size), share=step.share)

    seen = until_it_fits(take, AT_ONCE)
    text = f"{step.name}: statistics of {len(batch_norms(network))} layers from {seen} samples of the {step.of}"
    context.listener(Decided(text, {"layers": len(batch_norms(network)), "samples": seen}))
    values = {"seconds": time.monotonic() - began}
    context.listener(Measured(context.rung, step.name, 1, 0, values))
    ended = state.ended(copied(network), None, CurveRow(step.name, 1, 0, values))
    return dataclasses.replace(ended, before=None)
