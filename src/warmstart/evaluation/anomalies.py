"""What is told of a model that finds anomalies: intervals, scores by kind, the strangest samples, a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray, Sample
from warmstart.data.targets import Target
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.outcome import Difference, Rung, Shown
from warmstart.evaluation.verdict import percent, points, transfer
from warmstart.task.anomaly import ALARM, P_VALUE, SCORE
from warmstart.task.base import Task

RAW = {
    "pixels": "distances of raw pixels",
    "steps": "distances of raw values",
    "tfidf": "distances of TF-IDF",
}
"""Baselines, in words."""
SHOWN, DRAWN, POINTS = 16, 8, 2000


def intervals_of_anomalies(
    task: Task, outputs: Tensor, targets: Tensor, *, seed: int = 0, units: IntArray | None = None
) -> dict[str, Interval]:
    """Every metric with its interval; `units` (n,) number samples that belong together.

    A share of one kind says as much as there are samples of that kind, however many there are of the other; and so does
    an area where no sample is on the wrong side, which is known as well as the rarer kind allows.
    """
    known = targets >= 0
    truth, loud = targets[known], outputs[known][:, ALARM] > 0.5
    kinds = [truth == 0, truth == 1]
    rarer = int(min((truth == kind).sum() for kind in (0, 1)))
    found: dict[str, Interval] = {}
    whole = np.arange(len(truth)) if units is None else units[known.numpy()]
    for name, value in task.values(outputs, targets).items():
        each, unit = value.numpy(), whole
        if name in ("recall", "passed"):
            each = (loud[kinds[1]] if name == "recall" else ~loud[kinds[0]]).double().numpy()
            unit = whole[kinds[name == "recall"].numpy()]
        elif name == "auroc" and bool(np.ptp(each) == 0):
            each = each[:rarer]
            unit = whole[min(kinds, key=lambda kind: int(kind.sum())).numpy()]
        bounds = (min(0.0, float(each.min())), max(1.0, float(each.max())))
        span = bootstrap(each, seed=seed, bounds=bounds, units=unit)
        found[name] = span if name == "surprise" else Interval(span.value, max(span.low, 0.0), min(span.high, 1.0))
    return found


def of_anomalies(outputs: Tensor, targets: Tensor, samples: Sequence[Sample], target: Target) -> dict[str, Any]:
    """Fields of an `Outcome`: the samples of the highest scores and some drawn at random, and (kind, score) of each;
    of samples of which it is known whether they are normal.
    """
    known = torch.nonzero(targets >= 0).flatten()
    rows, truth = outputs[known].double(), targets[known].tolist()
    order = torch.argsort(-rows[:, SCORE], stable=True).tolist()
    drawn = np.random.default_rng(0).permutation(order[SHOWN:])[:DRAWN].tolist()
    few = np.random.default_rng(0).permutation(len(known))[:POINTS].tolist()
    shown = [_shown(samples[int(known[i])], rows[i], target, worst=True) for i in order[:SHOWN]]
    shown += [_shown(samples[int(known[i])], rows[i], target, worst=False) for i in drawn]
    return {
        "shown": tuple(shown),
        "pairs": tuple((float(truth[i]), float(rows[i, SCORE])) for i in few),
    }


def _shown(sample: Sample, row: Tensor, target: Target, *, worst: bool) -> Shown:
    said = target.classes[int(row[ALARM] > 0.5)]
    return Shown(sample.id, str(sample.label), f"{said} (p = {float(row[P_VALUE]):.2g})", float(row[SCORE]), worst)


def alarm_beyond(outputs: Tensor) -> float | None:
    """A score between those (n, 3) without an alarm and those with one; `None` if all or none raise one."""
    rows, loud = outputs.double(), outputs[:, ALARM] > 0.5
    if not bool(loud.any()) or bool(loud.all()):
        return None
    return float((rows[loud, SCORE].min() + rows[~loud, SCORE].max()) / 2)


def verdict_of_anomalies(
    metrics: Mapping[str, Interval],
    on: str,
    chosen: str,
    rungs: Sequence[Rung],
    differences: Sequence[Difference],
    *,
    choosable: bool,
) -> str:
    """How well anomalies are found, at how many false alarms, and whether transfer helped; or what cannot be said.

    Args:
        metrics: of the model that is shipped, on what it was measured on.
        on: what that is: "1000 test images".
        chosen: name of the rung that was chosen.
        rungs: all rungs.
        differences: as `warmstart.evaluation.verdict.verdict` has them.
        choosable: whether validation could say which distance finds anomalies better.
    """
    parts = []
    if found := metrics.get("auroc"):
        parts.append(
            f"An anomaly scores higher than a normal sample in {percent(found.value)} of all pairs (area under the ROC "
            f"curve) among {on} (95 % interval {percent(found.low)} to {percent(found.high)})."
        )
    if passed := metrics.get("passed"):
        alarms = f"{percent(1 - passed.value)} of the normal ones raise an alarm"
        caught = metrics.get("recall")
        parts.append(f"{percent(caught.value)} of the anomalies and {alarms}." if caught else f"Of {on}, {alarms}.")
    if "auroc" not in metrics:
        parts.append("How well anomalies are found cannot be said: none is labelled among them.")
    if not choosable:
        parts.append("Validation cannot tell distances apart without anomalies: the default one is what you get.")
    if "auroc" not in metrics:
        return " ".join(parts)
    against = {d.than: d for d in differences if d.better == "final"}
    if baseline := next((r.name for r in rungs if r.role == "baseline" and r.name in against), None):
        parts.append(transfer(against[baseline], RAW.get(baseline, baseline)))
    if pair := against.get("probe"):
        parts.append(f"The distance chosen is {chosen}: {points(pair.difference)} against the default one.")
    return " ".join(parts)
