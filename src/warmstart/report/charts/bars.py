"""Bars that follow the width of the page: positions are percentages, so text keeps its size on a phone."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from warmstart.report.charts.svg import drawing, share, tag, tick_labels

GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
HEIGHT = 34


def interval_bar(label: str, value: float, low: float | None, high: float | None, tone: str) -> Markup:
    """A bar from 0 to `value` on a scale of 0..1, with a whisker from `low` to `high` if there is an interval.

    The page draws the grid lines, through all rows. `tone` is the class that gives the colour: "chosen", "candidate"
    or "baseline".
    """
    middle = HEIGHT / 2
    parts = [tag("rect", x=0, y=middle - 8, width=share(value), height=16, class_=f"bar {tone}")]
    if low is not None and high is not None:
        parts.append(tag("line", x1=share(low), x2=share(high), y1=middle, y2=middle, class_="whisker"))
        parts += [
            tag("line", x1=share(x), x2=share(x), y1=middle - 4, y2=middle + 4, class_="whisker") for x in (low, high)
        ]
    return drawing(label, "100%", HEIGHT, *parts, class_="fluid")


def percent_axis() -> Markup:
    """The scale under a column of `interval_bar`s."""
    anchors = ["start"] + ["middle"] * (len(GRID) - 2) + ["end"]
    texts = [
        tag("text", label, x=share(x), y=13, text_anchor=anchor, class_="axis")
        for x, label, anchor in zip(GRID, tick_labels(GRID, percent=True), anchors, strict=True)
    ]
    return drawing("scale from 0 to 100 percent", "100%", 18, *texts, class_="fluid")


def stacked_bar(label: str, parts: Sequence[tuple[str, float]], longest: float) -> Markup:
    """Parts (class, count) side by side, on a scale where `longest` fills the width."""
    rects, start = [], 0.0
    for tone, number in parts:
        width = number / longest if longest else 0.0
        rects.append(tag("rect", x=share(start), y=3, width=share(width), height=12, class_=f"part {tone}"))
        start += width
    return drawing(label, "100%", 18, *rects, class_="fluid")
