"""Whether what needs no transfer is what is shipped: the best baseline that is a network, against the best transfer.

The baseline is there first, as it is simpler, and the transfer has to pass the gate against it. With few validation
samples (`warmstart.engine.ladder.gate.FEW`) these alone tell next to nothing: a sample is ten points where there are
ten. Then the answers for training samples that a head in closed form was fitted without count as well, a sample as one
of validation: of MiniRocket and of the probe they are there by leave-one-out. A tune has those of the head that it
began with, and an ensemble those of its first member.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.gate import FEW, Verdict, gate
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Rung as Tried


def settle(
    transfer: str, tried: Sequence[Tried], contenders: Mapping[str, Contender], context: LadderContext
) -> tuple[str, str]:
    """The name of what is shipped, and why it is not `transfer` or not the baseline; no reason where there is none."""
    rows = [row for row in tried if row.role == "baseline" and row.name in contenders and contenders[row.name].members]
    targets = context.data.targets(context.data.split.val)
    if not rows or not len(targets):
        return transfer, ""
    metric = context.task.primary_metric
    baseline = max(rows, key=lambda row: row.val.get(metric, float("-inf"))).name
    said = _by_all(transfer, baseline, {row.name: row for row in tried}, contenders, context)
    if said is None:
        outputs = (contenders[name].val_outputs for name in (transfer, baseline))
        one, other = outputs
        said = gate(context.task, transfer, one, baseline, other, targets, context.seed)
    return (transfer if said.kept else baseline), said.why


def _by_all(
    transfer: str,
    baseline: str,
    rows: Mapping[str, Tried],
    contenders: Mapping[str, Contender],
    context: LadderContext,
) -> Verdict | None:
    """By validation and left-out training samples together; `None` where validation is enough, or settles a tie."""
    split, metric = context.data.split, context.task.primary_metric
    if len(split.val) >= FEW:
        return None
    shares = []
    for name in (transfer, baseline):
        left_out = _left_out(name, contenders, metric)
        if left_out is None:
            return None
        whole = len(split.train) * left_out + len(split.val) * rows[name].val[metric]
        shares.append(whole / (len(split.train) + len(split.val)))
    if abs(shares[0] - shares[1]) < 1e-9:
        return None
    said = f"{metric_name(metric)} {100 * shares[0]:.1f} % of {transfer} and {100 * shares[1]:.1f} % of {baseline}"
    on = f"on {len(split.val)} validation samples and {len(split.train)} training samples that were left out of fits"
    return Verdict(shares[0] > shares[1], f"{said} {on}")


def _left_out(name: str, contenders: Mapping[str, Contender], metric: str) -> float | None:
    """The metric on training samples by fits without them, of the head in closed form that it began with."""
    while contenders[name].made_of:
        name = contenders[name].made_of[0]
    values = (row.values.get(f"cv_{metric}") for row in contenders[name].curve)
    return next((value for value in values if value is not None), None)


def as_settled(tried: Sequence[Tried], chosen: str, transfer: str, why: str) -> tuple[Tried, ...]:
    """The rungs, with why the baseline is shipped."""
    if chosen == transfer:
        return tuple(tried)
    said = f"it is shipped: no transfer was better ({why})"
    return tuple(dataclasses.replace(row, kept=True, why=said) if row.name == chosen else row for row in tried)
