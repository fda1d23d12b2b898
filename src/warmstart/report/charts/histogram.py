"""Scores of normal samples and of anomalies, as two rows of bars over one axis, with the line that raises an alarm.

The axis is logarithmic: a score is a ratio, and anomalies may lie a hundred times as far as what is typical. Bars are
shares of their own kind, since there are mostly far fewer anomalies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from warmstart.report.charts.svg import drawing, tag

WIDTH, HEIGHT, LEFT, BOTTOM, BINS = 560, 90, 84, 22, 40
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0, 10_000.0)
TONES = ("part better", "part worse")
"""Classes of the colours of normal samples and of anomalies."""


def histogram(rows: Sequence[tuple[str, Sequence[float]]], alarm: float | None, label: str) -> Markup:
    """One row of bars for each name and its scores; empty without any. `alarm` is the score beyond which there is one.

    >>> "good" in histogram([("good", [0.9, 1.0, 1.1]), ("bad", [4.0])], 2.0, "scores")
    True
    """
    known = [max(score, 1e-3) for _, scores in rows for score in scores if math.isfinite(score)]
    if not known:
        return Markup("")
    low, high = (math.log(edge) for edge in (0.95 * min(known), 1.05 * max(known)))

    def place(score: float) -> float:
        return LEFT + (WIDTH - LEFT) * (math.log(max(score, 1e-3)) - low) / (high - low)

    parts: list[Markup] = []
    for number, (name, scores) in enumerate(rows):
        top = number * HEIGHT
        parts.append(tag("text", name, x=LEFT - 8, y=top + HEIGHT - 4, text_anchor="end", class_="axis"))
        parts.append(tag("line", x1=LEFT, x2=WIDTH, y1=top + HEIGHT, y2=top + HEIGHT, class_="grid"))
        parts += _bars(name, scores, (low, high), top, TONES[min(number, 1)])
    foot = HEIGHT * len(rows)
    for mark in _TICKS:
        if low <= math.log(mark) <= high:
            parts.append(tag("text", f"{mark:g}", x=place(mark), y=foot + 16, text_anchor="middle", class_="axis"))
    if alarm is not None and low <= math.log(max(alarm, 1e-3)) <= high:
        at = place(alarm)
        parts.append(tag("line", tag("title", "alarm"), x1=at, x2=at, y1=0, y2=foot, class_="gap"))
    return drawing(label, WIDTH, foot + BOTTOM, *parts, viewBox=f"0 0 {WIDTH} {foot + BOTTOM}", class_="chart")


def _bars(name: str, scores: Sequence[float], ends: tuple[float, float], top: int, tone: str) -> list[Markup]:
    (low, high), counts = ends, [0] * BINS
    for score in scores:
        at = (math.log(max(score, 1e-3)) - low) / (high - low)
        counts[min(int(at * BINS), BINS - 1)] += 1
    wide, most = (WIDTH - LEFT) / BINS, max(max(counts), 1)
    found = []
    for i, count in enumerate(counts):
        tall = (HEIGHT - 14) * count / most
        span = f"{math.exp(low + (high - low) * i / BINS):.3g} to {math.exp(low + (high - low) * (i + 1) / BINS):.3g}"
        title = tag("title", f"{name}, score {span}: {count}")
        if count:
            spot = {"x": LEFT + i * wide, "y": top + HEIGHT - tall, "width": wide - 1, "height": tall}
            found.append(tag("rect", title, **spot, class_=tone))
    return found
