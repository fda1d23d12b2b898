"""The section on what a student kept of its teacher, and what it saves."""

from __future__ import annotations

from typing import Any

from warmstart.evaluation.compare import ROPE
from warmstart.evaluation.distilled import Distilled, Model
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Outcome
from warmstart.report.charts.bars import interval_bar
from warmstart.report.charts.forest import ForestRow, forest
from warmstart.report.figures import finding
from warmstart.report.numbers import THIN, count, percent, span, value
from warmstart.report.words import noun, part


def distilled(outcome: Outcome) -> dict[str, Any] | None:
    """Bars, differences, sizes and words; `None` where there was no teacher."""
    found = outcome.distilled
    if found is None:
        return None
    pairs = [pair for pair in (found.kept, found.gained) if pair is not None]
    rows = [ForestRow(f"student against {pair.than}", pair.difference, finding(pair)) for pair in pairs]
    return {
        "lead": _lead(found, outcome),
        "bars": _bars(found),
        "differences": forest(rows, rope=ROPE, unit=f"points of {metric_name(found.metric)}") if rows else "",
        "sizes": [_size("teacher", found.teacher), _size("student", found.student)],
        "note": _note(found),
    }


def _lead(found: Distilled, outcome: Outcome) -> str:
    agreed = found.agreement
    where = f"{part(outcome)} {noun(outcome)}"
    said = (
        f"The student gives the teacher's answer for {percent(agreed.value)} of the {where} "
        f"(95{THIN}% interval {span('agreement', agreed)})"
    )
    if found.metric == "r2":
        said = f"With the teacher's answers for the truth, the student explains {percent(agreed.value)} of the variance"
    if found.kept is None:
        return f"{said}. There are no labels, so nothing says how many of the answers are right."
    alone = " and by the same recipe without a teacher, in as many steps" if found.gained is not None else ""
    return f"{said}. The same {where} were answered by the teacher{alone}."


def _bars(found: Distilled) -> list[dict[str, Any]]:
    about = {
        "teacher": (found.teacher_reached, "what the student learned from", "baseline"),
        "student": (found.student_reached, "what you get", "chosen"),
        "alone": (found.alone_reached, "the student's backbone and recipe on the labels alone", "baseline"),
    }
    return [
        bar(name, reached, words, tone, found.metric)
        for name, (reached, words, tone) in about.items()
        if reached is not None
    ]


def bar(name: str, reached: Interval, about: str, tone: str, metric: str) -> dict[str, Any]:
    """A row with the metric that something reached."""
    text = value(metric, reached.value)
    drawn = interval_bar(f"{name}: {text}", reached.value, reached.low, reached.high, tone)
    return {
        "name": name,
        "about": about,
        "tone": tone,
        "value": text,
        "span": span(metric, reached),
        "bar": drawn,
    }


def _size(name: str, model: Model) -> dict[str, str]:
    several = f", {model.networks} networks" if model.networks > 1 else ""
    return {
        "name": name,
        "backbone": f"{model.backbone}{several}",
        "parameters": count(model.parameters),
        "megabytes": f"{model.megabytes:.{1 if model.megabytes >= 1 else 2}f}{THIN}MB",
        "time": f"{model.milliseconds:.1f}{THIN}ms",
    }


def _note(found: Distilled) -> str:
    f = found.faster
    ratio = f"The teacher takes {f.value:.2f} times as long (95{THIN}% interval {f.low:.2f}–{f.high:.2f})"
    learned = f"{count(found.labelled)} samples with a label"
    if found.unlabelled:
        beside = f" and {count(found.unlabelled)} without" if found.labelled else ""
        learned = f"{learned}{beside}" if found.labelled else f"{count(found.unlabelled)} samples without a label"
    loss = f"{percent(found.share, 0)} of the loss by the teacher" if found.labelled else "all of the loss by it"
    heat = "" if found.metric == "r2" else f", temperature {found.temperature:g}"
    return (
        f"{ratio}, both timed in turn on the same inputs, one at a time, without reading them, on {found.cores} cores. "
        f"The student learned from {learned}; the teacher answered each once: {loss}{heat}."
    )
