"""The reliability diagram: what the model said against how often it was right."""

from __future__ import annotations

from markupsafe import Markup

from warmstart.evaluation.outcome import Reliability
from warmstart.report.charts.svg import drawing, tag, tick_labels

SIDE, LEFT, BOTTOM, TOP = 230.0, 66.0, 44.0, 10.0
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability_diagram(shown: Reliability, label: str) -> Markup:
    """Accuracy over confidence: a dot per bin that holds samples, its area their number; the diagonal is perfect."""

    def x(value: float) -> float:
        return LEFT + SIDE * value

    def y(value: float) -> float:
        return TOP + SIDE * (1 - value)

    parts: list[Markup] = []
    for value, text in zip(TICKS, tick_labels(TICKS, percent=True), strict=True):
        parts.append(tag("line", x1=x(0), x2=x(1), y1=y(value), y2=y(value), class_="grid"))
        parts.append(tag("line", x1=x(value), x2=x(value), y1=y(0), y2=y(1), class_="grid"))
        parts.append(tag("text", text, x=LEFT - 6, y=y(value) + 4, text_anchor="end", class_="axis"))
        parts.append(tag("text", text, x=x(value), y=y(0) + 16, text_anchor="middle", class_="axis"))
    parts.append(tag("line", x1=x(0), y1=y(0), x2=x(1), y2=y(1), class_="perfect"))
    parts.append(tag("text", "what it said", x=x(0.5), y=y(0) + 36, text_anchor="middle", class_="axis title"))
    parts.append(
        tag(
            "text",
            "how often it was right",
            x=14,
            y=y(0.5),
            transform=f"rotate(-90 14 {y(0.5):.0f})",
            text_anchor="middle",
            class_="axis title",
        )
    )
    most = max(shown.count, default=0)
    for said, right, n in zip(shown.confidence, shown.accuracy, shown.count, strict=True):
        if n:
            parts.append(tag("line", x1=x(said), x2=x(said), y1=y(said), y2=y(right), class_="gap"))
            note = tag("title", f"{n} answers: said {said:.0%}, right in {right:.0%}")
            parts.append(tag("circle", note, cx=x(said), cy=y(right), r=3 + 6 * (n / most) ** 0.5, class_="dot val"))
    width, height = LEFT + SIDE + 20, TOP + SIDE + BOTTOM
    return drawing(label, width, height, *parts, viewBox=f"0 0 {width:.0f} {height:.0f}")
