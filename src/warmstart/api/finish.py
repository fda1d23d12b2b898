"""The end of a `fit`: the test set is opened once, and all that is known is written down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor

from warmstart.api.environment import environment
from warmstart.data.schema import IntArray
from warmstart.engine.ladder.climb import Climbed
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.evaluation.calibration import fit_temperature, reliability
from warmstart.evaluation.compare import difference, metric_intervals
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.metrics import confusion, correct, most_wrong, per_class
from warmstart.evaluation.outcome import Difference, Outcome, Rung
from warmstart.evaluation.verdict import verdict
from warmstart.report.results import jsonable

FINAL = "final"
PARTS = {"test": "test", "val": "validation"}


@dataclasses.dataclass(frozen=True)
class Measured:
    """Outputs of every rung, and of the final model, on the samples that none of them has learned from."""

    on: Literal["test", "val"]  # "val" where there is no test set
    indices: IntArray
    truth: Tensor
    outputs: dict[str, Tensor]
    temperature: float


def measure(climbed: Climbed, final: Contender | None, context: LadderContext) -> Measured:
    """Open the test set, once, with everything decided. Without one, validation has to do, and the report says so.

    The temperature comes from validation outputs of the chosen rung before it was fitted again.
    """
    split = context.data.split
    on: Literal["test", "val"] = "test" if len(split.test) else "val"
    indices = split.test if on == "test" else split.val
    chosen = climbed.contenders[climbed.chosen]
    temperature = fit_temperature(chosen.val_outputs, context.data.targets(split.val))
    outputs = {
        name: contender.outputs(indices) if on == "test" else contender.val_outputs
        for name, contender in climbed.contenders.items()
    }
    refitted = final is not None and on == "test"
    outputs[FINAL] = final.outputs(indices) if final is not None and refitted else outputs[climbed.chosen]
    return Measured(on, indices, context.data.targets(indices), outputs, temperature)


def rows(climbed: Climbed, measured: Measured, final: Contender | None, seconds: float, seed: int) -> tuple[Rung, ...]:
    """The rungs with what they reached on the test set, and the final model as the last row."""
    tried = [
        row if row.skipped else dataclasses.replace(row, test=_interval(measured, row.name, seed))
        for row in climbed.tried
    ]
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
        test=_interval(measured, FINAL, seed) if measured.on == "test" else None,  # it has learned from validation
        trained_parameters=final.trained_parameters,
        curve=final.curve,
    )
    return (*tried, last)


def _interval(measured: Measured, name: str, seed: int) -> Any:
    return bootstrap(correct(measured.outputs[name], measured.truth), seed=seed)


def differences(climbed: Climbed, measured: Measured, seed: int) -> tuple[Difference, ...]:
    """The final model against the baseline and the probe, and the chosen rung against the probe on equal terms."""
    right = {name: correct(outputs, measured.truth) for name, outputs in measured.outputs.items()}
    tried = {row.name: row for row in climbed.tried if not row.skipped}
    against = [name for name, row in tried.items() if row.role == "baseline" or name == "probe"]
    pairs = [(FINAL, name) for name in against]
    if climbed.chosen != "probe" and "probe" in tried:
        pairs.append((climbed.chosen, "probe"))
    return tuple(difference(a, right[a], b, right[b], seed) for a, b in pairs)


def outcome(
    climbed: Climbed,
    final: Contender | None,
    measured: Measured,
    context: LadderContext,
    *,
    audit: dict[str, Any],
    decisions: list[str],
    budget: float,
    command: str,
    refit_seconds: float,
    elapsed: Callable[[], float],
) -> Outcome:
    """Everything a user may want to know, as data."""
    dataset, split, seed = context.data.dataset, context.data.split, context.seed
    logits = measured.outputs[FINAL]
    counts = confusion(logits, measured.truth)
    calibrated = logits / measured.temperature
    table = rows(climbed, measured, final, refit_seconds, seed)
    pairs = differences(climbed, measured, seed)
    metrics = metric_intervals(calibrated, measured.truth, seed=seed)
    parts = {"train": len(split.train), "val": len(split.val), "test": len(split.test)}
    return Outcome(
        data=dataset.name,
        classes=dataset.target.classes,
        split={**parts, "how": split.how},
        audit=jsonable(audit),
        backbone=context.backbone.card.to_dict(),
        preprocess=jsonable(context.data.spec.to_dict()),
        metric=context.task.primary_metric,
        rungs=table,
        chosen=climbed.chosen,
        verdict=verdict(metrics["accuracy"], len(measured.indices), PARTS[measured.on], climbed.chosen, table, pairs),
        differences=pairs,
        test=metrics,
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        per_class=per_class(counts, dataset.target.classes),
        temperature=measured.temperature,
        reliability_before=reliability(logits, measured.truth),
        reliability_after=reliability(logits, measured.truth, temperature=measured.temperature),
        mistakes=most_wrong(
            calibrated, measured.truth, [dataset.samples[int(i)].id for i in measured.indices], dataset.target.classes
        ),
        decisions=tuple(decisions),
        plan=climbed.contenders[climbed.chosen].plan,
        seconds=elapsed(),
        budget=budget,
        seed=seed,
        environment=environment(),
        command=command,
        evaluated_on=measured.on,
    )
