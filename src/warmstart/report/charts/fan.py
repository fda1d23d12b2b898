"""A forecast as a fan: what was known, what came, and the quantiles of what was said, the widest the palest."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from markupsafe import Markup

from warmstart.evaluation.outcome import Foreseen
from warmstart.report.charts.svg import drawing, tag, tick_labels, ticks

WIDTH, HEIGHT = 430.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 8.0, 10.0, 28.0


def fan(shown: Foreseen, label: str, origin: str) -> Markup:
    """One window; `origin` is what the instant is called at which the forecast was made."""
    known, horizon = len(shown.past), len(shown.truth)
    levels = sorted(shown.quantiles, key=float)
    every = [*shown.past, *shown.truth, *shown.base, *itertools.chain(*shown.quantiles.values())]
    values = [value for value in every if value is not None]
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or max(0.05 * abs(high), 0.5)
    low, high = low - room, high + room

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(known + horizon - 1, 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts: list[Markup] = []
    marks = ticks(low, high, 4)
    for mark, text in zip(marks, tick_labels(marks), strict=True):
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(mark), y2=y(mark), class_="grid"))
        parts.append(tag("text", text, x=LEFT - 6, y=y(mark) + 4, text_anchor="end", class_="axis"))
    parts.append(tag("line", x1=x(known - 0.5), x2=x(known - 0.5), y1=TOP, y2=HEIGHT - BOTTOM, class_="boundary"))
    end = x(known - 0.5) > WIDTH * 0.75
    parts.append(
        tag("text", origin, x=x(known - 0.5), y=HEIGHT - 8, text_anchor="end" if end else "middle", class_="axis")
    )
    ahead = [x(known + step) for step in range(horizon)]
    for lower, upper in zip(levels[: len(levels) // 2], reversed(levels), strict=False):
        path = [*zip(ahead, map(y, shown.quantiles[lower]), strict=True)]
        path += reversed([*zip(ahead, map(y, shown.quantiles[upper]), strict=True)])
        note = tag("title", f"{float(upper) - float(lower):.0%} of all values are expected in here")
        parts.append(tag("polygon", note, points=_points(path), class_="band"))
    places = [x(step) for step in range(known + horizon)]
    parts += _lines(places[known:], [y(v) if v is not None else None for v in shown.base], "base")
    parts += _lines(places, [y(v) if v is not None else None for v in (*shown.past, *shown.truth)], "came")
    middle = min(levels, key=lambda level: abs(float(level) - 0.5))
    parts += _lines(ahead, [y(v) for v in shown.quantiles[middle]], "said")
    if horizon == 1:
        parts.append(tag("circle", cx=ahead[0], cy=y(shown.quantiles[middle][0]), r=3, class_="dot val"))
    return drawing(label, WIDTH, HEIGHT, *parts, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}")


def _lines(places: Sequence[float], heights: Sequence[float | None], tone: str) -> list[Markup]:
    """A line with a gap wherever a value is missing."""
    pairs = zip(places, heights, strict=True)
    runs = [[*run] for there, run in itertools.groupby(pairs, lambda pair: pair[1] is not None) if there]
    return [
        tag("polyline", points=_points([(a, b) for a, b in run if b is not None]), class_=f"line {tone}")
        for run in runs
    ]


def _points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs)
