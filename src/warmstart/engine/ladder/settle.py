"""Whether what needs no transfer is what is shipped: the best baseline that is a network, against the best transfer.

The baseline is there first, as it is simpler, and the transfer has to pass the gate against it. With few validation
samples (`warmstart.engine.ladder.gate.FEW`) these alone tell next to nothing: a sample is ten points where there are
ten. Then training samples count as well, by the answers of fits without them, which heads in closed form have (of a
tune those of the head that it began with, of an ensemble those of its first member), and the gain has to be more than
chance explains: the paired interval leaves out zero.

On 23 small UCR sets (59 divisions, 3 to 80 validation samples; backbone `series`) test accuracy was in the mean
92.30 % with MiniRocket, 85.26 % with the best transfer, 92.23 % if any gain on validation settled it, 91.98 % if any
gain on all samples did, and 92.44 % by this rule; always the better of the two would have had 92.86 %.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.gate import FEW, Verdict, gate
from warmstart.evaluation.intervals import paired
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Rung as Tried
from warmstart.evaluation.scoring import of_known, scores
from warmstart.evaluation.units import number


def settle(
    transfer: str, tried: Sequence[Tried], contenders: Mapping[str, Contender], context: LadderContext
) -> tuple[str, str]:
    """The name of what is shipped, and why; no reason where there is nothing to decide."""
    rows = [row for row in tried if row.role == "baseline" and row.name in contenders and contenders[row.name].members]
    targets = context.data.targets(context.data.split.val)
    if not rows or not len(targets):
        return transfer, ""
    baseline = max(rows, key=lambda row: row.val.get(context.task.primary_metric, float("-inf"))).name
    units = context.data.units(context.data.split.val)
    if number(units, len(targets)) < FEW:
        said = _few(transfer, baseline, contenders, context)
    else:
        outputs = [contenders[name].val_outputs for name in (transfer, baseline)]
        said = gate(context.task, transfer, outputs[0], baseline, outputs[1], targets, context.seed, units=units)
    return (transfer if said.kept else baseline), said.why


def _few(transfer: str, baseline: str, contenders: Mapping[str, Contender], context: LadderContext) -> Verdict:
    split = context.data.split
    left_out = [_left_out(name, contenders) for name in (transfer, baseline)]
    outputs, indices = [contenders[name].val_outputs for name in (transfer, baseline)], [split.val]
    on = f"{len(split.val)} validation samples"
    if all(one is not None for one in left_out):
        outputs = [torch.cat([one, other]) for one, other in zip(left_out, outputs, strict=True) if one is not None]
        indices, on = [split.train, split.val], f"{on} and {len(split.train)} training samples left out of fits"
    targets = torch.cat([context.data.targets(some) for some in indices])
    one, other = (scores(context.task, each, targets) for each in outputs)
    units = context.data.units(np.concatenate(indices))
    gain = paired(one, other, context.seed, of_known(context.task, targets, units))
    span = f"{100 * gain.value:+.1f} points of {metric_name(context.task.primary_metric)}"
    span = f"{span} against {baseline} (interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    chance = ", which chance explains" if gain.low <= 0 < gain.value else ""
    return Verdict(gain.low > 0, f"{transfer} has {span} on {on}{chance}")


def _left_out(name: str, contenders: Mapping[str, Contender]) -> Tensor | None:
    while contenders[name].made_of:
        name = contenders[name].made_of[0]
    return contenders[name].left_out


def as_settled(tried: Sequence[Tried], chosen: str, transfer: str, why: str) -> tuple[Tried, ...]:
    """The rungs, with why the baseline is shipped."""
    if chosen == transfer:
        return tuple(tried)
    said = f"no transfer beat it: {why}"
    return tuple(dataclasses.replace(row, kept=True, why=said) if row.name == chosen else row for row in tried)
