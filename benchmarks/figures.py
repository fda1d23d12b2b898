"""Accuracy against seconds, a panel per data set and size: black on white, shapes tell apart, every mark is named."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from benchmarks.sources import SOURCES

SHAPES = "osD^v<>PXdph8"
STEP = 6.0
PLACES = [(side, step) for reach in range(14) for step in (reach, -reach) for side in ("left", "right", "center")]
"""Where a name may go, the nearest first: its left, right or middle at the mark, so many steps up or down from it."""


def draw(facts: dict[str, Any]) -> Figure:
    """All data sets of one result, at all sizes.

    Args:
        facts: what `run.py` writes as JSON.
    """
    sets = list(dict.fromkeys((row["data"], row["train"]) for row in facts["summary"]))
    columns = min(len(sets), 3)
    rows = -(-len(sets) // columns)
    figure = Figure(figsize=(max(7.0, 4.8 * columns), 4.4 * rows), layout="constrained")
    shapes = dict(zip(facts["protocol"]["contenders"], "*" + SHAPES, strict=False))
    for number, (data, train) in enumerate(sets):
        axes = figure.add_subplot(rows, columns, number + 1)
        trials = [trial for trial in facts["trials"] if (trial["data"], trial["train"]) == (data, train)]
        _panel(axes, [trial for trial in trials if not trial["error"]], shapes)
        source = SOURCES[data]
        axes.set_title(f"{source.about.split(',')[0]}, {train} labelled {source.kind}s", fontsize=10)
        if not number % columns:
            axes.set_ylabel(f"accuracy on the test {source.kind}s")
    figure.draw_without_rendering()  # the layout is final before names look for room
    for axes in figure.axes:
        _name_marks(axes)
    return figure


def _panel(axes: Axes, trials: Sequence[dict[str, Any]], shapes: dict[str, str]) -> None:
    """A mark at the median time and mean accuracy, with the range of the repeats."""
    for name, shape in shapes.items():
        mine = [trial for trial in trials if trial["contender"] == name]
        if not mine:
            continue
        seconds, accuracies = [t["seconds"] for t in mine], [t["accuracy"] for t in mine]
        x, y = statistics.median(seconds), statistics.fmean(accuracies)
        axes.plot([min(seconds), max(seconds)], [y, y], color="0.5", linewidth=0.8)
        axes.plot([x, x], [min(accuracies), max(accuracies)], color="0.5", linewidth=0.8)
        ours = shape == "*"
        fill = "black" if ours else "white"
        axes.plot(x, y, shape, color="black", markerfacecolor=fill, markersize=15 if ours else 8, label=name, zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel("seconds, start to end (log)")
    axes.grid(color="0.92")
    axes.set_axisbelow(True)


def _name_marks(axes: Axes) -> None:
    """Write each name as near to its mark as the others leave room for; where there is none, beside it all the same."""
    frame, taken = axes.get_window_extent(), [line.get_window_extent().padded(2) for line in axes.lines]
    for mark in axes.lines:
        if str(mark.get_label()).startswith("_"):  # a range
            continue
        for place in PLACES:
            text = _name(axes, mark, *place)
            text.get_window_extent()  # puts it in its place
            box = Text.get_window_extent(text)  # without its line
            if _is_free(box, frame, taken):
                break
            text.remove()
        else:
            _name(axes, mark, *PLACES[0])
        taken.append(box.padded(1))


def _name(axes: Axes, mark: Line2D, side: str, step: int) -> Annotation:
    """With a line to the mark where the name is not next to it."""
    ((x, y),) = np.asarray(mark.get_xydata())
    radius = mark.get_markersize() / 2
    away = radius + 5
    up = step * STEP + (radius + STEP) * ((step > 0) - (step < 0)) * (side == "center")
    return axes.annotate(
        str(mark.get_label()),
        (float(x), float(y)),
        ({"left": away, "right": -away, "center": 0}[side], up),
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=9,
        fontweight="bold" if mark.get_marker() == "*" else "normal",
        arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.6, "shrinkA": 0} if abs(step) > 1 else None,
    )


def _is_free(box: Bbox, frame: Bbox, taken: Sequence[Bbox]) -> bool:
    inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
    return inside and not any(box.overlaps(other) for other in taken)
