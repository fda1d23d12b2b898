"""Small panels of learning curves: one quantity over epochs, a line or two, phases marked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from markupsafe import Markup

from warmstart.report.charts.svg import drawing, tag, tick_labels, ticks, whole_ticks

WIDTH, HEIGHT = 380.0, 180.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 12.0, 26.0


@dataclasses.dataclass(frozen=True)
class Line:
    """A named series; `None` or a non-finite value leaves a gap. `tone` is the class that gives the colour."""

    name: str
    tone: str
    values: tuple[float | None, ...]

    @property
    def points(self) -> list[tuple[int, float]]:
        """Position and value of what can be drawn."""
        return [(i, v) for i, v in enumerate(self.values) if v is not None and math.isfinite(v)]


def limits(lines: Sequence[Line]) -> tuple[float, float]:
    """The range of all values, with a little room; (0, 1) if there are none."""
    values = [v for line in lines for _, v in line.points]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or max(0.05 * abs(high), 0.01)
    return low - room, high + room


def panel(
    label: str,
    lines: Sequence[Line],
    *,
    bounds: tuple[float, float],
    percent: bool = False,
    boundaries: Sequence[float] = (),
) -> Markup:
    """One panel. The horizontal axis counts epochs from 1; `boundaries` are positions (first: 0) where a phase ends."""
    low, high = bounds
    last = max((len(line.values) for line in lines), default=1) - 1

    def x(position: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (position / last if last else 0.5)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))

    parts: list[Markup] = []
    marks = ticks(low, high, 4)
    for mark, text in zip(marks, tick_labels(marks, percent=percent), strict=True):
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(mark), y2=y(mark), class_="grid"))
        parts.append(tag("text", text, x=LEFT - 6, y=y(mark) + 4, text_anchor="end", class_="axis"))
    for epoch in whole_ticks(1, last + 1, 7):
        parts.append(tag("text", str(epoch), x=x(epoch - 1), y=HEIGHT - 8, text_anchor="middle", class_="axis"))
    for place in boundaries:
        parts.append(tag("line", x1=x(place), x2=x(place), y1=TOP, y2=HEIGHT - BOTTOM, class_="boundary"))
    for line in lines:
        path = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in line.points)
        parts.append(tag("polyline", points=path, class_=f"line {line.tone}"))
        if line.points:
            end, value = line.points[-1]
            parts.append(tag("circle", cx=x(end), cy=y(value), r=3, class_=f"dot {line.tone}"))
    return drawing(label, WIDTH, HEIGHT, *parts, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}")
