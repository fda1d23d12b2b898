"""The section on boxes and masks: class by class, precision over recall, and answers beside the truth, worst first."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from warmstart.evaluation.measures import MEASURES, metric_name
from warmstart.evaluation.outcome import PrecisionRecall
from warmstart.report.charts.svg import drawing, tag, tick_labels
from warmstart.report.numbers import count, percent, value
from warmstart.report.words import Facts, noun, part

CURVES = 8
"""Classes whose curve is drawn, at most."""
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 230.0, 150.0, 52.0, 40.0, 8.0
TICKS = (0.0, 0.5, 1.0)


def marked(facts: Facts) -> dict[str, Any] | None:
    """What `marked.html.j2` shows; `None` where nothing is marked."""
    if not facts.by_class and not facts.marked:
        return None
    boxes = facts.task == "detect"
    names = [name for name in dict.fromkeys(k for row in facts.by_class for k in row) if name not in ("name", "count")]
    order = sorted(facts.by_class, key=lambda row: 2.0 if row.get(names[0]) is None else row[names[0]])
    curves = sorted(facts.precision_recall, key=lambda one: one.area)
    left_out = len(curves) - CURVES
    return {
        "about": f"On the {part(facts)} {noun(facts)}, the worst class first.",
        "counted": "objects" if boxes else "share of pixels",
        "names": [(metric_name(name), MEASURES[name].meaning if name in MEASURES else "") for name in names],
        "rows": [
            {
                "name": row["name"],
                "count": count(row["count"]) if boxes else percent(row["count"]),
                "cells": [(row.get(name), value(name, row.get(name))) for name in names],
            }
            for row in order
        ],
        "curves": [{"name": one.name, "area": percent(one.area), "chart": curve(one)} for one in curves[:CURVES]],
        "more": f"The {CURVES} worst of {len(curves)} classes." if left_out > 0 else "",
        "error": "LRP error" if boxes else "1 − IoU",
        "worst": [one for one in facts.marked if one.worst],
        "drawn": [one for one in facts.marked if not one.worst],
    }


def curve(shown: PrecisionRecall) -> Markup:
    """Precision over recall of a class, both from 0 to 1."""

    def x(share: float) -> float:
        return LEFT + WIDTH * share

    def y(share: float) -> float:
        return TOP + HEIGHT * (1 - share)

    parts: list[Markup] = []
    for mark, text in zip(TICKS, tick_labels(TICKS, percent=True), strict=True):
        parts.append(tag("line", x1=x(0), x2=x(1), y1=y(mark), y2=y(mark), class_="grid"))
        parts.append(tag("text", text, x=LEFT - 6, y=y(mark) + 4, text_anchor="end", class_="axis"))
        parts.append(tag("text", text, x=x(mark), y=y(0) + 16, text_anchor="middle", class_="axis"))
    parts.append(tag("text", "found", x=x(0.5), y=y(0) + 34, text_anchor="middle", class_="axis title"))
    points = " ".join(f"{x(r):.1f},{y(p):.1f}" for r, p in zip(shown.recall, shown.precision, strict=True))
    parts.append(tag("polyline", points=points, class_="line val"))
    wide, high = LEFT + WIDTH + 20, TOP + HEIGHT + BOTTOM
    label = f"precision over recall of {shown.name}, average precision {shown.area:.2f}"
    return drawing(label, wide, high, *parts, viewBox=f"0 0 {wide:.0f} {high:.0f}")
