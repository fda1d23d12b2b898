"""The contenders of a comparison side by side: table rows, strips of their trials, quality against time."""

from __future__ import annotations

from typing import Any

from warmstart.evaluation.comparison import Comparison, Entry
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import metric_name
from warmstart.report import numbers
from warmstart.report.charts.strip import Scale, strip, strip_axis
from warmstart.report.charts.tradeoff import Spot, pareto, tradeoff
from warmstart.report.gains import Over, gain_of, missing

Row = dict[str, Any]
UNMEASURED = "not measured"


def finished(comparison: Comparison) -> list[Entry]:
    """Those that have a value of the primary metric."""
    return [entry for entry in comparison.entries if comparison.metric in entry.metrics]


def best(comparison: Comparison) -> Entry | None:
    """The entry named best; `None` if no trial of any finished."""
    return next((entry for entry in finished(comparison) if entry.name == comparison.best), None)


def tone(entry: Entry, comparison: Comparison) -> str:
    """How a contender is coloured."""
    return "chosen" if entry.name == comparison.best else "baseline" if entry.role == "no transfer" else "candidate"


def table(comparison: Comparison) -> list[Row]:
    """A row per contender with every cell in words, in the order asked for."""
    planned = comparison.folds * len(comparison.seeds)
    return [
        {
            "name": entry.name,
            "about": entry.about,
            "tone": tone(entry, comparison),
            "done": bool(entry.metrics),
            "flags": _flags(entry, planned),
            "failed": entry.failed,
            "value": _measured(comparison.metric, entry.metrics.get(comparison.metric)),
            "over_scratch": _gain(entry, "no transfer", comparison),
            "over_frozen": _gain(entry, "frozen", comparison),
            "ece": UNMEASURED if entry.ece is None else numbers.percent(entry.ece),
            "seconds": numbers.duration(entry.seconds) if entry.metrics else "–",
            "memory": numbers.memory(entry.peak_memory) if entry.peak_memory else UNMEASURED,
            "trained": numbers.count(entry.trained_parameters),
            "drift": _forgotten(entry, entry.drift),
            "moved": _forgotten(entry, entry.moved),
        }
        for entry in comparison.entries
    ]


def _measured(metric: str, interval: Interval | None) -> tuple[str, str]:
    return (
        ("no result", "")
        if interval is None
        else (numbers.value(metric, interval.value), numbers.span(metric, interval))
    )


def _gain(entry: Entry, over: Over, comparison: Comparison) -> tuple[str, str]:
    gain = gain_of(entry, over)
    if gain is None:
        return "", missing(entry, over, comparison)
    found, sign = gain.interval, numbers.signed
    return sign(found.value), f"{sign(found.low)} to {sign(found.high)}"


def _forgotten(entry: Entry, moved: Interval | None) -> tuple[str, str]:
    """How far something moved, with its interval; or why there is nothing that could have."""
    if moved is not None:
        return numbers.percent(moved.value), numbers.span("share", moved)
    words = {"no transfer": "nothing to forget", "frozen": "nothing moved", "tuned": UNMEASURED}
    return "", words[entry.role]


def _flags(entry: Entry, planned: int) -> list[str]:
    """What must not be overlooked."""
    late = sum(trial.stopped == "deadline" for trial in entry.trials)
    short = 0 < len(entry.trials) < planned
    return [
        text
        for text, holds in (
            ("transfer hurts", entry.hurts),
            ("failed", bool(entry.failed) and not entry.trials),
            (f"{len(entry.trials)} of {planned} trials", short),
            (f"{late} cut short by the budget", late > 0),
        )
        if holds
    ]


def strips(comparison: Comparison) -> Row:
    """A strip of trials per contender, all on one scale, best first, and the scale."""
    rows = sorted(finished(comparison), key=lambda entry: -entry.metrics[comparison.metric].value)
    wholes = [entry.metrics[comparison.metric] for entry in rows]
    scale = Scale.of([v for w in wholes for v in (w.low, w.high)] + [t.value for e in rows for t in e.trials])
    shown = [
        {
            "name": entry.name,
            "about": entry.about,
            "tone": tone(entry, comparison),
            "value": numbers.value(comparison.metric, whole.value),
            "span": numbers.span(comparison.metric, whole),
            "strip": strip(
                f"{entry.name}: {numbers.value(comparison.metric, whole.value)}",
                [
                    (f"seed {t.seed}, fold {t.fold + 1}: {numbers.value(comparison.metric, t.value)}", t.value)
                    for t in entry.trials
                ],
                whole,
                scale,
                tone(entry, comparison),
            ),
        }
        for entry, whole in zip(rows, wholes, strict=True)
    ]
    return {"rows": shown, "axis": strip_axis(scale)}


def against_time(comparison: Comparison) -> Row | None:
    """The chart of quality against time and what its front says; `None` with fewer than two contenders."""
    spots = [
        Spot(entry.name, entry.seconds, entry.metrics[comparison.metric], tone(entry, comparison))
        for entry in finished(comparison)
    ]
    if len(spots) < 2:
        return None
    front = [
        {"name": s.name, "value": numbers.percent(s.reached.value), "seconds": numbers.duration(s.seconds)}
        for s in pareto(spots)
    ]
    return {
        "chart": tradeoff(f"{metric_name(comparison.metric)} against time per trial", spots),
        "front": front,
    }
