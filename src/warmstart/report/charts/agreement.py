"""True numbers against those that were answered: on the diagonal the answer is right."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from warmstart.report.charts.svg import drawing, tag, tick_labels, ticks

SIDE, LEFT, BOTTOM, TOP = 320.0, 66.0, 44.0, 10.0


def agreement(pairs: Sequence[tuple[float, float]], label: str) -> Markup:
    """A dot for each (true, answered), both axes with the same scale."""
    every = [value for pair in pairs for value in pair]
    low, high = min(every), max(every)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return LEFT + SIDE * (value - low) / span

    def y(value: float) -> float:
        return TOP + SIDE * (1 - (value - low) / span)

    marks = ticks(low, high)
    parts: list[Markup] = []
    for value, text in zip(marks, tick_labels(marks), strict=True):
        parts.append(tag("line", x1=x(low), x2=x(high), y1=y(value), y2=y(value), class_="grid"))
        parts.append(tag("line", x1=x(value), x2=x(value), y1=y(low), y2=y(high), class_="grid"))
        parts.append(tag("text", text, x=LEFT - 6, y=y(value) + 4, text_anchor="end", class_="axis"))
        parts.append(tag("text", text, x=x(value), y=y(low) + 16, text_anchor="middle", class_="axis"))
    parts.append(tag("line", x1=x(low), y1=y(low), x2=x(high), y2=y(high), class_="perfect"))
    parts.append(tag("text", "true", x=LEFT + SIDE / 2, y=y(low) + 36, text_anchor="middle", class_="axis title"))
    turned = f"rotate(-90 14 {TOP + SIDE / 2:.0f})"
    parts.append(
        tag("text", "answered", x=14, y=TOP + SIDE / 2, transform=turned, text_anchor="middle", class_="axis title")
    )
    parts += [tag("circle", cx=x(true), cy=y(said), r=2.5, class_="dot val") for true, said in pairs]
    width, height = LEFT + SIDE + 20, TOP + SIDE + BOTTOM
    return drawing(label, width, height, *parts, viewBox=f"0 0 {width:.0f} {height:.0f}")
