"""Quality against time: a dot per contender, time on a logarithmic axis, and the line of those worth their time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from markupsafe import Markup

from warmstart.evaluation.interval import Interval
from warmstart.report.charts.svg import drawing, tag, tick_labels, ticks
from warmstart.report.numbers import duration

WIDTH, HEIGHT = 440.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 14.0, 44.0
MOMENTS = (0.001, 0.01, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
"""Seconds that may stand on the axis."""
LETTER, LINE = 6.1, 13.0
"""Pixels of a letter and of a line of the labels, enough to keep them apart."""
LONGEST = 26

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class Spot:
    """One contender. `tone` is the class of the colour."""

    name: str
    seconds: float
    reached: Interval
    tone: str


def pareto(spots: Sequence[Spot]) -> list[Spot]:
    """Those that no other beats in time without being worse, or in value without being slower; quickest first.

    >>> a, b, c = (Spot(n, s, Interval(v, v, v), "") for n, s, v in (("a", 1, 0.8), ("b", 9, 0.7), ("c", 20, 0.9)))
    >>> [spot.name for spot in pareto([c, b, a])]
    ['a', 'c']
    """
    front: list[Spot] = []
    for spot in sorted(spots, key=lambda s: (s.seconds, -s.reached.value)):
        if not front or spot.reached.value > front[-1].reached.value:
            front.append(spot)
    return front


def tradeoff(label: str, spots: Sequence[Spot]) -> Markup:
    """The spots with their intervals (shares of 1, in percent), the Pareto front as a line through its spots."""
    times = [max(spot.seconds, MOMENTS[0]) for spot in spots]
    first, last = math.log(min(times) / 1.6), math.log(max(times) * 1.6)
    low, high = min(s.reached.low for s in spots), max(s.reached.high for s in spots)
    room = 0.06 * (high - low) or 0.01
    low, high = low - room, min(high + room, 1.0)

    def x(seconds: float) -> float:
        place = (math.log(max(seconds, MOMENTS[0])) - first) / (last - first)
        return LEFT + (WIDTH - LEFT - RIGHT) * place

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))

    marks = ticks(low, high, 5)
    parts: list[Markup] = []
    for mark, text in zip(marks, tick_labels(marks, percent=True), strict=True):
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(mark), y2=y(mark), class_="grid"))
        parts.append(tag("text", text, x=LEFT - 6, y=y(mark) + 4, text_anchor="end", class_="axis"))
    for moment in (m for m in MOMENTS if first <= math.log(m) <= last):
        parts.append(tag("line", x1=x(moment), x2=x(moment), y1=TOP, y2=HEIGHT - BOTTOM, class_="grid"))
        text = duration(moment).replace(".0", "") if moment >= 1 else f"{moment:g} s"
        parts.append(tag("text", text, x=x(moment), y=HEIGHT - BOTTOM + 16, text_anchor="middle", class_="axis"))
    foot, middle = "time per trial (logarithmic scale)", (LEFT + WIDTH - RIGHT) / 2
    parts.append(tag("text", foot, x=middle, y=HEIGHT - 6, text_anchor="middle", class_="axis title"))
    line = " ".join(f"{x(s.seconds):.1f},{y(s.reached.value):.1f}" for s in pareto(spots))
    parts.append(tag("polyline", points=line, class_="front"))
    places = [(x(spot.seconds), y(spot.reached.value)) for spot in spots]
    for spot, (across, down) in zip(spots, places, strict=True):
        parts.append(tag("line", x1=across, x2=across, y1=y(spot.reached.low), y2=y(spot.reached.high), class_="thin"))
        parts.append(tag("circle", cx=across, cy=down, r=5, class_=f"spot {spot.tone}"))
    parts += _labels(spots, places)
    return drawing(label, WIDTH, HEIGHT, *parts, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", class_="tradeoff")


def _labels(spots: Sequence[Spot], places: Sequence[tuple[float, float]]) -> list[Markup]:
    """Each name beside its dot, where it covers no other name and no dot; the best first, as they matter most."""
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    labels: list[Markup] = []
    for spot, (x, y) in sorted(zip(spots, places, strict=True), key=lambda pair: pair[1][1]):
        text = spot.name if len(spot.name) <= LONGEST else f"{spot.name[: LONGEST - 1]}…"
        boxes = list(_around(x, y, LETTER * len(text)))
        free = [box for box in boxes if _inside(box) and not any(_overlap(box, other) for other in taken)]
        box = (free or boxes)[0]
        taken.append(box)
        labels.append(tag("text", text, tag("title", spot.name), x=box[0], y=box[3] - 3, class_=f"name {spot.tone}"))
    return labels


def _around(x: float, y: float, width: float) -> list[Box]:
    """Boxes for a text of `width` about a dot: right, left, then further up and down."""
    shifts = [(9.0, y), (-9.0 - width, y)]
    shifts += [(side, y + step * LINE) for step in (-1, 1, -2, 2, -3, 3) for side in (9.0, -9.0 - width, -width / 2)]
    return [(x + dx, middle - LINE / 2, x + dx + width, middle + LINE / 2) for dx, middle in shifts]


def _inside(box: Box) -> bool:
    return box[0] >= LEFT and box[2] <= WIDTH and box[1] >= 0 and box[3] <= HEIGHT - BOTTOM


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
