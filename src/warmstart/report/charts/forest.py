"""A forest plot: differences with their intervals, one below the other, about a line at zero.

Positions are percentages of the width, and a row's words stand above its line, so that text keeps its size on a phone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from warmstart.evaluation.interval import Interval
from warmstart.report.charts.svg import drawing, share, tag, tick_labels, ticks
from warmstart.report.numbers import MINUS, signed

ROW, TOP, AXIS = 46.0, 4.0, 40.0
LONGEST = 34
"""Characters of a label; what is longer is cut, and whole in the row's title."""


@dataclasses.dataclass(frozen=True)
class ForestRow:
    """One difference, as a share of 1. `tone` gives the colour: "better", "worse", "equal" or "open"."""

    label: str
    interval: Interval
    tone: str

    @property
    def text(self) -> str:
        """The difference in percentage points: "+2.1 (−0.4 to +4.6)"."""
        found = self.interval
        return f"{signed(found.value)} ({signed(found.low)} to {signed(found.high)})"


def forest(rows: Sequence[ForestRow], *, rope: float, unit: str = "points") -> Markup:
    """The rows in the order given; what counts as equal in practice, from `-rope` to `rope`, is shaded.

    Kruschke 2018, "Rejecting or accepting parameter values in Bayesian estimation": an interval wholly within the
    region of practical equivalence says "as good", one that only touches zero does not. `unit` names the axis.

    >>> rows = [ForestRow("final against probe", Interval(0.02, -0.004, 0.043), "open")]
    >>> "+2.0 (−0.4 to +4.3)" in forest(rows, rope=0.01)
    True
    """
    ends = [end for row in rows for end in (row.interval.low, row.interval.high)]
    least, most = min([-1.5 * rope, *ends]), max([1.5 * rope, *ends])
    room = 0.04 * (most - least)

    def x(value: float) -> str:
        return share((value - least + room) / (most - least + 2 * room))

    bottom = TOP + ROW * len(rows)
    width = share(2 * rope / (most - least + 2 * room))
    parts = [tag("rect", x=x(-rope), y=TOP, width=width, height=bottom - TOP, class_="rope")]
    marks = ticks(100 * least, 100 * most, 5)
    for mark, text in zip(marks, tick_labels(marks), strict=True):
        place = x(mark / 100)
        parts.append(tag("line", x1=place, x2=place, y1=TOP, y2=bottom, class_="grid"))
        words = f"+{text}" if mark > 0 else text.replace("-", MINUS)
        parts.append(tag("text", words, x=place, y=bottom + 15, text_anchor="middle", class_="axis"))
    parts.append(tag("line", x1=x(0), x2=x(0), y1=TOP, y2=bottom, class_="zero"))
    for i, row in enumerate(rows):
        parts += _row(row, TOP + ROW * i, [x(v) for v in dataclasses.astuple(row.interval)])
    for text, place, anchor in (("← worse", "0%", "start"), (unit, "50%", "middle"), ("better →", "100%", "end")):
        parts.append(tag("text", text, x=place, y=bottom + 34, text_anchor=anchor, class_="axis"))
    label = "; ".join(f"{row.label}: {row.text}" for row in rows)
    return drawing(label, "100%", bottom + AXIS, *parts, class_="fluid forest")


def _row(row: ForestRow, top: float, places: Sequence[str]) -> list[Markup]:
    """Words, and below them the interval with its value; `places` are those of value, low and high."""
    middle, (value, low, high) = top + 30, places
    label = row.label if len(row.label) <= LONGEST else f"{row.label[: LONGEST - 1]}…"
    parts = [
        tag("text", label, tag("title", f"{row.label}: {row.text}"), x="0%", y=top + 14, class_="label"),
        tag("text", row.text, x="100%", y=top + 14, text_anchor="end", class_="label"),
        tag("line", x1=low, x2=high, y1=middle, y2=middle, class_=f"span {row.tone}"),
    ]
    parts += [tag("line", x1=x, x2=x, y1=middle - 4, y2=middle + 4, class_=f"span {row.tone}") for x in (low, high)]
    return [*parts, tag("circle", cx=value, cy=middle, r=5, class_=f"point {row.tone}")]
