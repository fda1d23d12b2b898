"""The section on the samples in the plane: which class has which colour, and what the picture shows in words."""

from __future__ import annotations

from typing import Any

from warmstart.evaluation.outcome import Outcome, Projection
from warmstart.report.charts.scatter import Dot, scatter
from warmstart.report.numbers import count
from warmstart.report.words import noun, part

COLOURS = 10
"""More cannot be told apart; of more classes those that are confused most have a colour."""


def embedding(outcome: Outcome) -> dict[str, Any] | None:
    """The drawing, its legend and how many samples of which part it shows; `None` without a projection."""
    found = outcome.projection
    if found is None:
        return None
    tones = _tones(outcome, found)
    dots = [
        Dot(
            point.x,
            point.y,
            tones.get(point.true, "other"),
            point.predicted is not None,
            f"{point.id}: {outcome.classes[point.true]}, taken for {outcome.classes[point.predicted]}"
            if point.predicted not in (None, point.true)
            else "",
        )
        for point in found.points
    ]
    new, wrong = sum(dot.measured for dot in dots), sum(bool(dot.wrong) for dot in dots)
    label = (
        f"{len(dots) - new} training and {new} {part(outcome)} {noun(outcome)} in the plane, {wrong} of them mistakes"
    )
    return {
        "drawing": scatter(label, dots),
        "legend": [(tone, outcome.classes[i]) for i, tone in sorted(tones.items())],
        "others": len({point.true for point in found.points} - set(tones)),
        "train": count(len(dots) - new),
        "new": count(new),
        "wrong": count(wrong),
        "method": found.method,
        "network": found.network,
    }


def _tones(outcome: Outcome, found: Projection) -> dict[int, str]:
    """The colour of each class by index, in class order."""
    there = {point.true for point in found.points}
    if len(there) > COLOURS:
        mixed = [
            sum(row) + sum(other[i] for other in outcome.confusion) - 2 * row[i]
            for i, row in enumerate(outcome.confusion)
        ] or [0] * len(outcome.classes)
        there = set(sorted(there, key=lambda i: (-mixed[i], i))[:COLOURS])
    return {i: f"tone-{k}" for k, i in enumerate(sorted(there))}
