"""A strip of dots: every single value of one contender, and below them the whole with its interval.

The strips of a column share a scale, which need not begin at zero: a dot, unlike a bar, has no length to compare.
Places are percentages of the width, so that text keeps its size on a phone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from warmstart.evaluation.interval import Interval
from warmstart.report.charts.svg import drawing, share, tag, tick_labels, ticks

TICKS = 4
ABOVE, BELOW = -7, 9
"""Pixels from the middle of the row to the dots and to the interval."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """What lies between the two ends of the width."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Scale:
        """Room for all the finite ones of `values`, which are shares of 1; from 0 to 1 if there are none.

        >>> Scale.of([0.8, 0.9])
        Scale(low=0.795, high=0.905)
        """
        known = [v for v in values if math.isfinite(v)]
        if not known:
            return cls(0.0, 1.0)
        room = 0.05 * (max(known) - min(known)) or 0.01
        return cls(round(max(0.0, min(known) - room), 6), round(min(1.0, max(known) + room), 6))

    def place(self, value: float) -> str:
        """Where a value lies, as a share of the width."""
        return share((value - self.low) / (self.high - self.low))


def strip(label: str, dots: Sequence[tuple[str, float]], whole: Interval, scale: Scale, tone: str) -> Markup:
    """One row. `dots` are (title, value); one that is not finite is left out. `tone` is the class of the colour."""
    parts = [
        tag("line", x1=scale.place(mark), x2=scale.place(mark), y1="0", y2="100%", class_="grid")
        for mark in ticks(scale.low, scale.high, TICKS)
    ]
    for title, value in dots:
        if math.isfinite(value):
            parts.append(_at(ABOVE, "circle", tag("title", title), cx=scale.place(value), cy="50%", r=4, class_=tone))
    ends = {"x1": scale.place(whole.low), "x2": scale.place(whole.high)}
    parts.append(_at(BELOW, "line", **ends, y1="50%", y2="50%", class_=tone))
    parts.append(_at(BELOW, "circle", cx=scale.place(whole.value), cy="50%", r=5.5, class_=f"whole {tone}"))
    return drawing(label, "100%", "100%", *parts, class_="fluid strip")


def strip_axis(scale: Scale) -> Markup:
    """The scale under a column of strips, in percent."""
    marks = ticks(scale.low, scale.high, TICKS)
    texts = [
        tag("text", text, x=scale.place(mark), y=13, text_anchor="middle", class_="axis")
        for mark, text in zip(marks, tick_labels(marks, percent=True), strict=True)
    ]
    return drawing("scale", "100%", 18, *texts, class_="fluid")


def _at(down: int, name: str, *children: str, **attributes: str | float) -> Markup:
    """An element so many pixels below the middle."""
    return tag(name, *children, **attributes, transform=f"translate(0 {down})")
