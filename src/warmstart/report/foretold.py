"""The section on forecasts: how they compare with what needs no transfer, and some of them beside what came."""

from __future__ import annotations

from typing import Any

from warmstart.evaluation.measures import MEASURES, metric_name
from warmstart.evaluation.outcome import Foreseen, Outcome
from warmstart.report.charts.fan import fan
from warmstart.report.numbers import value
from warmstart.report.words import Facts, part

LESS = {"mase", "sql", "smape", "wql"}
"""Metrics of which less is better."""


def foretold(facts: Facts) -> dict[str, Any] | None:
    """What `forecasts.html.j2` shows; `None` where nothing was forecast."""
    if not facts.forecasts:
        return None
    return {
        "table": _table(facts) if isinstance(facts, Outcome) else None,
        "worst": [_drawn(one) for one in facts.forecasts if one.worst],
        "drawn": [_drawn(one) for one in facts.forecasts if not one.worst],
    }


def _drawn(one: Foreseen) -> dict[str, str]:
    name, _, origin = one.id.rpartition("@")
    label = f"forecast of {name} from {origin}, beside what came"
    return {"name": name, "origin": origin, "error": f"{one.error:.2f}", "chart": fan(one, label, origin)}


def _table(outcome: Outcome) -> dict[str, Any] | None:
    """Every metric of everything that went through the test, the best of each marked."""
    rows = outcome.measured
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    best = {
        name: (min if name in LESS else max)(row[name] for row in rows.values() if name in row)
        for name in names
        if name != "coverage_80"
    }
    about = {rung.name: rung.about for rung in outcome.rungs}
    return {
        "part": part(outcome),
        "names": [(metric_name(name), MEASURES[name].meaning if name in MEASURES else "") for name in names],
        "rows": [
            {
                "name": name,
                "about": about.get(name, ""),
                "ours": name == "final",
                "cells": [(value(metric, row.get(metric)), row.get(metric) == best.get(metric)) for metric in names],
            }
            for name, row in rows.items()
        ],
    }
