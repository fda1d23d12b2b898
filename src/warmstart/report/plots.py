"""One picture of an outcome for a README or a model card: what was tried with its intervals, and what is confused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Outcome
from warmstart.report import numbers, words
from warmstart.report.figures import measured_rungs, tone

INK, SOFT, RULE, PAPER = "#1f2328", "#5c6570", "#e4e0d7", "#fbfaf7"
TONES = {"chosen": "#2b86a0", "candidate": "#9cc3cf", "baseline": "#c3c5c6"}
NAMED = 30
"""With more classes their names are left out of the confusion matrix."""


def summary_png(outcome: Outcome, path: Path) -> Path:
    """Draw the picture, 2000 x 800 px, and return the path. No global state of matplotlib is touched."""
    figure = Figure(figsize=(10, 4), dpi=200, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.45, 1))
    _draw_rungs(left, outcome)
    _draw_confusion(right, outcome)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", facecolor=PAPER)
    return path


def _draw_rungs(axes: Any, outcome: Outcome) -> None:
    rungs = measured_rungs(outcome)
    for row, (rung, value) in enumerate(rungs):
        axes.barh(row, value, height=0.52, color=TONES[tone(outcome, rung)])
        end = value
        if rung.test:
            axes.plot([rung.test.low, rung.test.high], [row, row], color=INK, linewidth=1.2)
            end = rung.test.high
        axes.text(end + 0.02, row, numbers.value(outcome.metric, value), va="center", color=INK, fontsize=9)
    axes.set_yticks(range(len(rungs)), [rung.name for rung, _ in rungs], color=INK)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlim(0, 1.12)
    axes.invert_yaxis()
    where = f"{metric_name(outcome.metric)} on {words.part(outcome)}, with 95 % intervals"
    _finish(axes, where if outcome.evaluated_on == "test" else where.partition(",")[0])
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_confusion(axes: Any, outcome: Outcome) -> None:
    if not outcome.confusion:
        axes.set_axis_off()
        return
    shares = [[n / max(1, sum(row)) for n in row] for row in outcome.confusion]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(outcome.classes) <= NAMED:
        names = [_literal(name if len(name) <= 16 else name[:15] + "…") for name in outcome.classes]
        size = 8 if len(names) <= 12 else 5
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        axes.set_yticks(range(len(names)), names, fontsize=size)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    _finish(axes, "rows: true class, columns: answer")


def _literal(name: str) -> str:
    """A dollar sign in a class name is a dollar sign, not the start of a formula."""
    return name.replace("$", r"\$")


def _finish(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=SOFT)
    axes.set_facecolor(PAPER)
    axes.tick_params(length=0, labelcolor=SOFT)
    for spine in axes.spines.values():
        spine.set_visible(False)
