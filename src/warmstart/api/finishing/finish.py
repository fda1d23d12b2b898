"""The end of a `fit`: the test set is opened once, and all that is known is written down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from torch import Tensor

from warmstart.api.running.environment import environment
from warmstart.data.schema import IntArray
from warmstart.data.targets import AnomalyTarget, Target
from warmstart.engine.ladder.alone import SINGLE
from warmstart.engine.ladder.climb import Climbed
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.evaluation.anomalies import alarm_beyond, verdict_of_anomalies
from warmstart.evaluation.compare import difference, metric_intervals
from warmstart.evaluation.details import details
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import Difference, Outcome, Rung, Shared
from warmstart.evaluation.scoring import interval_of, of_known, scores, temperature_of
from warmstart.evaluation.sharing import gains_of_sharing
from warmstart.evaluation.units import Independent, independent
from warmstart.evaluation.verdict import RANDOM, verdict
from warmstart.model.backbone import BackboneCard
from warmstart.report.results import jsonable
from warmstart.report.words import noun_of
from warmstart.task.base import Task

FINAL = "final"
PARTS = {"test": "test", "val": "validation"}


@dataclasses.dataclass(frozen=True)
class Measured:
    """Outputs of the final model, and of what it is compared with, on samples that none of them has learned from."""

    on: Literal["test", "val"]  # "val" where there is no test set
    indices: IntArray
    truth: Tensor
    outputs: dict[str, Tensor]
    temperature: float


def measure(climbed: Climbed, again: dict[str, Contender], context: LadderContext) -> Measured:
    """Open the test set, once, with everything decided. Without one, validation has to do, and the report says so.

    Baseline, probe, the best transfer and final model go through it; the other rungs lost on validation, and a pass of
    each through the test set would cost more than it tells. What was fitted again on all labels (`again`) is measured
    as such. The temperature comes from validation outputs of the chosen rung before it was fitted again.
    """
    split = context.data.split
    on: Literal["test", "val"] = "test" if len(split.test) else "val"
    indices = split.test if on == "test" else split.val
    chosen = climbed.contenders[climbed.chosen]
    temperature = temperature_of(context.task, chosen.val_outputs, context.data.targets(split.val))
    if on == "val":
        outputs = {name: contender.val_outputs for name, contender in climbed.contenders.items()}
        return Measured(on, indices, context.data.targets(indices), {**outputs, FINAL: chosen.val_outputs}, temperature)
    compared = [row.name for row in climbed.tried if row.name in climbed.contenders and _is_compared(row, climbed)]
    if again and climbed.transfer not in again:  # it has learned from fewer labels than the others
        compared = [name for name in compared if name != climbed.transfer]
    latest = {**climbed.contenders, **again}
    if (twin := twin_of(climbed)) and twin not in compared:
        compared.append(twin)
    opened = [latest[name] for name in {*compared, climbed.chosen} if latest[name].data is None]
    context.prefetch({member.cut for contender in opened for member in contender.members}, indices)
    outputs = {name: latest[name].outputs(indices) for name in compared if name != climbed.chosen}
    outputs[FINAL] = latest[climbed.chosen].outputs(indices)
    if climbed.chosen in compared:
        outputs[climbed.chosen] = outputs[FINAL]
    return Measured(on, indices, context.data.targets(indices), outputs, temperature)


def twin_of(climbed: Climbed) -> str:
    """The rung that does to all tasks at once what was done to each alone; empty where nothing was."""
    if SINGLE not in climbed.contenders:
        return ""
    return str(climbed.contenders[SINGLE].settings["twin"])


def shared(climbed: Climbed, measured: Measured, context: LadderContext) -> tuple[Shared, ...]:
    """Of each task, what it gains by sharing."""
    together, alone = (measured.outputs.get(name) for name in (twin_of(climbed), SINGLE))
    if together is None or alone is None:
        return ()
    units = context.data.units(measured.indices)
    return gains_of_sharing(context.task, together, alone, measured.truth, context.seed, units)


def _is_compared(row: Rung, climbed: Climbed) -> bool:
    """A baseline, the probe, what the chosen one was trained on from, which was fitted again with it, and where what
    needs no transfer was chosen, the best of what does.
    """
    start = climbed.contenders[climbed.chosen].started_from
    instead = climbed.transfer if climbed.transfer != climbed.chosen else ""
    return row.role == "baseline" or row.name in ("probe", instead) or row.name in start


def rows(
    climbed: Climbed, measured: Measured, final: Contender | None, seconds: float, context: LadderContext
) -> tuple[Rung, ...]:
    """The rungs with what they reached on the test set, as far as measured; the final model as the last row."""
    units = context.data.units(measured.indices)

    def reached(name: str) -> Interval:
        return interval_of(context.task, measured.outputs[name], measured.truth, context.seed, units)

    tried = [
        dataclasses.replace(row, test=reached(row.name)) if row.name in measured.outputs else row
        for row in climbed.tried
    ]
    if final is None and climbed.chosen not in measured.outputs:
        test = reached(FINAL)
        tried = [dataclasses.replace(row, test=test) if row.name == climbed.chosen else row for row in tried]
    if final is None:
        return tuple(tried)
    last = Rung(
        FINAL,
        f"{climbed.chosen} fitted again on training and validation samples together",
        "candidate",
        {},
        seconds,
        True,
        "every choice was made before; more labels are worth more than one more measurement",
        test=reached(FINAL) if measured.on == "test" else None,  # it has learned from validation
        trained_parameters=final.trained_parameters,
        curve=final.curve,
    )
    return (*tried, last)


def differences(climbed: Climbed, measured: Measured, context: LadderContext) -> tuple[Difference, ...]:
    """The final model against the baseline, the probe, and the best transfer where it is none."""
    values = {name: scores(context.task, outputs, measured.truth) for name, outputs in measured.outputs.items()}
    against = [row.name for row in climbed.tried if row.name in values and _is_compared(row, climbed)]
    units = of_known(context.task, measured.truth, context.data.units(measured.indices))
    return tuple(
        difference(FINAL, values[FINAL], name, values[name], context.seed, units)
        for name in against
        if name != climbed.chosen
    )


def beside(measured: Measured, context: LadderContext) -> dict[str, dict[str, float]]:
    """Of forecasts all metrics of everything that was measured, the final model last."""
    if context.task.name != "forecast":
        return {}
    order = sorted(measured.outputs, key=lambda name: name == FINAL)
    return {name: context.task.metrics(measured.outputs[name], measured.truth) for name in order}


def _verdict(
    task: Task,
    metrics: Mapping[str, Interval],
    on: str,
    chosen: str,
    table: Sequence[Rung],
    pairs: Sequence[Difference],
    target: Target,
    card: BackboneCard,
) -> str:
    metric = task.primary_metric
    if isinstance(target, AnomalyTarget):
        found = verdict_of_anomalies(metrics, on, chosen, table, pairs, choosable=target.choosable)
    else:
        found = verdict(metrics[metric], on, chosen, table, pairs, metric=metric, backbone=card.name)
    transferred = any(row.name == chosen and row.role == "candidate" for row in table)
    return f"{found} {RANDOM}" if card.random and transferred else found


def _said_of(measured: Measured, noun: str, rests: Independent | None) -> str:
    """What was measured on: "40 test images"."""
    count = len(measured.indices)
    if rests is not None:
        return f"{count} {PARTS[measured.on]} {rests.called} of {rests.units} independent {rests.unit}"
    return f"{count} {PARTS[measured.on]} {noun.removesuffix('s') if count == 1 and noun != 'series' else noun}"


def outcome(
    climbed: Climbed,
    final: Contender | None,
    measured: Measured,
    context: LadderContext,
    *,
    tried: BackboneCard,
    audit: dict[str, Any],
    decisions: list[str],
    budget: float,
    command: str,
    refit_seconds: float,
    elapsed: Callable[[], float],
    times: Callable[[float], dict[str, float]],
    rates: dict[str, float],
) -> Outcome:
    """What the ladder and the test set say, as data; what else is told of them is added by `warmstart.api.running.run`.

    `context` is the run as what is shipped sees it, `tried` the card of the backbone that transfer was tried from.
    """
    dataset, split, seed, task = context.data.dataset, context.data.split, context.seed, context.task
    samples = [dataset.samples[int(i)] for i in measured.indices]
    outputs = measured.outputs[FINAL]
    table = rows(climbed, measured, final, refit_seconds, context)
    pairs = differences(climbed, measured, context)
    units = context.data.units(measured.indices)
    metrics = metric_intervals(task, outputs / measured.temperature, measured.truth, seed=seed, units=units)
    seconds = elapsed()
    noun = noun_of(context.data.spec.to_dict(), task=task.name)
    rests = independent(samples, noun)
    parts = {"train": len(split.train), "val": len(split.val), "test": len(split.test)}
    return Outcome(
        data=dataset.name,
        classes=dataset.target.classes,
        split={**parts, "how": split.how},
        audit=jsonable(audit),
        backbone=context.backbone.card.to_dict(),
        preprocess=jsonable(context.data.spec.to_dict()),
        task=task.name,
        metric=task.primary_metric,
        rungs=table,
        chosen=climbed.chosen,
        verdict=_verdict(
            task, metrics, _said_of(measured, noun, rests), climbed.chosen, table, pairs, dataset.target, tried
        ),
        alarm_beyond=alarm_beyond(outputs) if task.name == "anomaly" else None,
        differences=pairs,
        test=metrics,
        independent=rests,
        temperature=measured.temperature,
        decisions=tuple(decisions),
        plan=climbed.contenders[climbed.chosen].plan,
        seconds=seconds,
        budget=budget,
        seed=seed,
        environment=environment(),
        command=command,
        evaluated_on=measured.on,
        times=times(seconds),
        rates=rates,
        measured=beside(measured, context),
        shared=shared(climbed, measured, context),
        **details(task, outputs, measured.truth, samples, dataset.target, measured.temperature),
    )
