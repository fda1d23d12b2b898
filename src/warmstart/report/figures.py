"""Which chart shows what: from the facts to drawings and the words beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from warmstart.evaluation.compare import ROPE
from warmstart.evaluation.comparison import Entry
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import is_share, metric_name
from warmstart.evaluation.outcome import CurveRow, Difference, Outcome, Reliability, Rung
from warmstart.report.charts.bars import interval_bar
from warmstart.report.charts.forest import ForestRow, forest
from warmstart.report.charts.lines import Line, limits, panel
from warmstart.report.charts.reliability import reliability_diagram
from warmstart.report.numbers import percent, span, value
from warmstart.report.words import Facts

Row = dict[str, Any]
FINAL = "final"
"""Name of the row for the chosen model as it is handed over, fitted again on training and validation samples."""


def rung_bars(outcome: Outcome) -> list[Row]:
    """A bar per rung that was measured, in the order tried; with the test interval where there is a test set."""
    rows: list[Row] = []
    for rung, measured in measured_rungs(outcome):
        text, shade = value(outcome.metric, measured), tone(outcome, rung)
        low, high = (rung.test.low, rung.test.high) if rung.test else (None, None)
        rows.append(
            {
                "rung": rung,
                "tone": shade,
                "value": text,
                "span": span(outcome.metric, rung.test) if rung.test else "",
                "bar": interval_bar(f"{rung.name}: {text}", measured, low, high, shade),
            }
        )
    return rows


def measured_rungs(outcome: Outcome) -> list[tuple[Rung, float]]:
    """The rungs that have the primary metric, with its value: on test where there is one, else on validation.

    All on the same samples: a validation score beside test scores would not be comparable. The model handed over comes
    last where it is not one of the rungs as they were tried (fitted again on more labels).
    """
    on_test = any(rung.test for rung in outcome.rungs)
    scores = ((rung, rung.test.value if rung.test else rung.val.get(outcome.metric)) for rung in outcome.rungs)
    rows = [
        (rung, score)
        for rung, score in scores
        if score is not None and not rung.skipped and (rung.test is not None) == on_test
    ]
    final = outcome.test.get(outcome.metric)
    if on_test and final is not None and not any(tone(outcome, rung) == "chosen" for rung, _ in rows):
        rows.append((_handed_over(outcome, final), final.value))
    return rows


def _handed_over(outcome: Outcome, final: Interval) -> Rung:
    about = f"{outcome.chosen}, as it is handed over to you"
    return Rung(FINAL, about, "candidate", {}, 0.0, True, "", test=final)


def tone(outcome: Outcome, rung: Rung) -> str:
    """How a rung is coloured: "chosen" for the very model the headline number is about, else its role."""
    if rung.name == FINAL or any(other.name == FINAL for other in outcome.rungs):
        return "chosen" if rung.name == FINAL else rung.role
    same = rung.test is None or outcome.test.get(outcome.metric) in (None, rung.test)
    return "chosen" if rung.name == outcome.chosen and same else rung.role


def difference_plot(outcome: Outcome) -> Markup | None:
    """The paired differences as a forest plot; `None` where nothing was compared."""
    rows = [
        ForestRow(f"{pair.better} against {pair.than}", pair.difference, finding(pair)) for pair in outcome.differences
    ]
    return forest(rows, rope=ROPE, unit=f"points of {metric_name(outcome.metric)}") if rows else None


def finding(pair: Difference) -> str:
    """What the colour of a paired difference says."""
    if pair.verdict in ("better", "worse"):
        return pair.verdict
    return "equal" if pair.difference.low > -ROPE and pair.difference.high < ROPE else "open"


def learning_curves(runs: Sequence[Rung | Entry], metric: str) -> list[Row]:
    """Two panels, loss and `metric`, for all that was trained over epochs. The metric has one scale for all."""
    trained = [(run, _epochs(run.curve)) for run in runs]
    trained = [(run, rows) for run, rows in trained if len(rows) > 1]
    scores = {run.name: Line("validation", "val", _series(rows, f"val_{metric}")) for run, rows in trained}
    bounds = limits(list(scores.values()))
    curves: list[Row] = []
    for run, rows in trained:
        losses = [
            Line(name, tone, _series(rows, key))
            for name, tone, key in (("training", "train", "train_loss"), ("validation", "val", "val_loss"))
        ]
        ends = [i - 0.5 for i in range(1, len(rows)) if rows[i].phase != rows[i - 1].phase]
        score, label = scores[run.name], f"{metric_name(metric)} of {run.name} over epochs"
        curves.append(
            {
                "name": run.name,
                "phases": list(dict.fromkeys(row.phase for row in rows)),
                "loss": panel(f"loss of {run.name} over epochs", losses, bounds=limits(losses), boundaries=ends),
                "score": panel(label, [score], bounds=bounds, percent=is_share(metric), boundaries=ends)
                if score.points
                else "",
            }
        )
    return curves


def _epochs(curve: Sequence[CurveRow]) -> list[CurveRow]:
    """The rows of gradient training: a closed-form fit has no epochs and no training loss."""
    return [row for row in curve if "train_loss" in row.values]


def _series(rows: list[CurveRow], key: str) -> tuple[float | None, ...]:
    return tuple(row.values.get(key) for row in rows)


def reliability_views(facts: Facts) -> list[Row]:
    """The diagrams before and after the temperature, each with what it says in words."""
    pairs = (("As trained", facts.reliability_before), ("After calibration", facts.reliability_after))
    return [
        {
            "title": title,
            "diagram": reliability_diagram(shown, f"reliability, {title.lower()}"),
            "words": f"{_tendency(shown)} On average the stated probability is off by {percent(shown.ece)}.",
        }
        for title, shown in pairs
        if shown is not None
    ]


def _tendency(shown: Reliability) -> str:
    total = sum(shown.count)
    said, right = (
        sum(n * v for n, v in zip(shown.count, values, strict=True)) / max(1, total)
        for values in (shown.confidence, shown.accuracy)
    )
    word = "Too sure of itself" if said - right > 0.02 else "Too modest" if right - said > 0.02 else "About right"
    return f"{word}: it claims {percent(said)} on average and is right in {percent(right)}."
