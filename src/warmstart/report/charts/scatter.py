"""Samples in the plane: what was learned from as small dots, what was measured on as larger ones, mistakes ringed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from warmstart.report.charts.svg import drawing, tag

SIDE, EDGE = 560.0, 12.0


@dataclasses.dataclass(frozen=True)
class Dot:
    """A sample at (x, y) within -1 and 1. `tone` is the class that gives the colour."""

    x: float
    y: float
    tone: str
    measured: bool  # and not learned from
    wrong: str = ""  # what the mistake was, in words; empty where there was none


def scatter(label: str, dots: Sequence[Dot]) -> Markup:
    """The plane as it is, with no axes, for its directions mean nothing; mistakes are drawn last, on top."""
    order = sorted(dots, key=lambda dot: (bool(dot.wrong), dot.measured))
    unit = (SIDE - 2 * EDGE) / 2
    top, bottom = (pick((dot.y for dot in dots), default=0.0) for pick in (max, min))
    parts: list[Markup] = []
    for dot in order:
        x, y = EDGE + unit * (1 + dot.x), EDGE + unit * (top - dot.y)
        kind = "seen" if not dot.measured else "error" if dot.wrong else "new"
        note = [tag("title", dot.wrong)] if dot.wrong else []
        radius = {"seen": 2.4, "new": 4.2, "error": 5.2}[kind]
        parts.append(tag("circle", *note, cx=x, cy=y, r=radius, class_=f"{kind} {dot.tone}"))
    height = 2 * EDGE + unit * (top - bottom)
    return drawing(label, SIDE, height, *parts, viewBox=f"0 0 {SIDE:.0f} {height:.0f}", class_="scatter")
