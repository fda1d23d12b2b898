"""What a search tried, for the page of a `tune`: the best on validation first."""

from __future__ import annotations

from typing import Any

from warmstart.evaluation.comparison import Comparison, Searched, by_validation
from warmstart.report import numbers


def tried(comparison: Comparison) -> dict[str, Any]:
    """`rows` of what was searched; none of a comparison without a search."""
    ranked = by_validation(comparison.searched)
    default = comparison.searched[0].name if comparison.searched else ""
    return {"rows": [_row(one, default, one is ranked[0], comparison.metric) for one in ranked]}


def _row(one: Searched, default: str, best: bool, metric: str) -> dict[str, Any]:
    words = [
        "the default" if one.name == default else "",
        "best on validation" if best and one.val is not None else "",
        numbers.sentence(one.failed) if one.failed else "cut short by the budget" if one.val is None else "",
    ]
    return {
        "name": one.name,
        "value": "–" if one.val is None else numbers.value(metric, one.val),
        "seconds": one.seconds,
        "why": ", ".join(word for word in words if word),
        "best": best and one.val is not None,
    }
