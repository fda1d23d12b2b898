"""How fast this machine is with a backbone, and what computes its frozen part fastest: found before anything starts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from warmstart.api.running.begun import runtime_as_begun
from warmstart.engine.events import Decided
from warmstart.engine.extraction import Choice, choose
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import evaluation_seconds
from warmstart.planning.speed import measure_speed


def set_pace(context: LadderContext, folder: Path, images: int) -> Choice:
    """Measure the speed, choose what computes the activations of `images` images, and put both into `context`.

    The choice is recorded in `folder`; a resumed run takes that.
    """
    every = range(len(context.data.dataset))
    decoded = all(context.data.store.holds(i) for i in every)
    context.speed = measure_speed(context.network(), context.data.spec, seconds=1.0, decoded=decoded)
    context.listener(Decided(f"this machine runs the backbone at {context.speed.flops / 1e9:.2g} GFLOP/s"))
    rate = 1 / max(evaluation_seconds(context, 1), 1e-9)
    choice = runtime_as_begun(folder, lambda: choose(context.backbone, context.data, images, rate))
    context.data = choice.applied(context.data)
    context.speed = dataclasses.replace(context.speed, extraction=choice.gain)
    if len(choice.rates) > 1 or choice.why_not:
        rates = ", ".join(f"{name} {rate:.0f}" for name, rate in choice.rates.items())
        why_not = "".join(f"; {name} not: {why}" for name, why in choice.why_not.items())
        noun = context.backbone.chain.inputs.noun
        how = f"{choice.runtime}, {choice.batch} {noun} at a time"
        context.listener(Decided(f"features are computed by {how} ({noun}/s: {rates}{why_not})"))
    return choice
