"""The sections on several tasks: what each gains by sharing a trunk, and each task as if it were the only one."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import OfTask
from warmstart.report import numbers, sections
from warmstart.report.answered import answered
from warmstart.report.words import Facts

Row = dict[str, Any]
_TONES = {"helped": "better", "harmed": "worse"}


def tasks(facts: Facts) -> list[Row]:
    """For `tasks.html.j2`: a view of each task, by the sections that a report of that task has; none of one task."""
    return [_view(facts, part, number) for number, part in enumerate(facts.by_task)]


def sharing(facts: Facts) -> list[Row]:
    """Of each task that was trained alone too: how good it is alone and with the others, and what that comes to."""
    return [
        {
            "name": one.name,
            "metric": metric_name(one.metric),
            "alone": numbers.value(one.metric, one.alone.value),
            "together": numbers.value(one.metric, one.together.value),
            "gap": f"{numbers.signed(one.difference.value)} points (95{numbers.THIN}% interval "
            f"{numbers.signed(one.difference.low)} to {numbers.signed(one.difference.high)})",
            "verdict": f"{one.name} was {one.verdict} by sharing" if one.verdict in _TONES else one.verdict,
            "tone": _TONES.get(one.verdict, "open"),
        }
        for one in facts.shared
    ]


def _view(facts: Facts, part: OfTask, number: int) -> Row:
    named = ("task", "classes", "metric", "confusion", "per_class", "mistakes", "cells", "shown", "pairs")
    own = dataclasses.replace(facts, **{name: getattr(part, name) for name in named})
    interval = part.metrics.get(part.metric)
    return {
        "name": part.name,
        "facts": own,
        "known": numbers.count(part.known),
        "key": "" if interval is None else numbers.value(part.metric, interval.value),
        "metric": metric_name(part.metric),
        "span": "" if interval is None else numbers.span(part.metric, interval),
        "measures": sections.measures(part.metrics, part.metric),
        **sections.errors(own),
        "answered": answered(own),
        "suffix": f"-{number}",
    }
