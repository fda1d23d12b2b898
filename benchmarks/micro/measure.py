"""Interleaved timings, their medians and ratios, and a Markdown table of them."""

from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping

import torch

from benchmarks.machine import machine as processor
from benchmarks.process import REPOSITORY

Run = Callable[[], Mapping[str, float]]
"""One run of a contender: named figures, seconds among them."""

Figures = dict[str, dict[str, list[float]]]
"""Every run, by contender and name."""


@dataclasses.dataclass(frozen=True)
class Table:
    """A finished benchmark: `rows` of text under `header`, and what to know when reading it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    figures: Figures

    def markdown(self) -> str:
        """As a Markdown section."""
        lines = [f"### {self.title}", "", _line(self.header), _line(("---",) * len(self.header))]
        lines += [_line(row) for row in self.rows]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]) + "\n"


def interleaved(contenders: Mapping[str, Run], repeats: int, *, uncounted: int = 1) -> Figures:
    """Figures of each contender, run in turn (A B C, A B C, ...) after `uncounted` rounds that do not count."""
    figures: Figures = {name: {} for name in contenders}
    for repeat in range(uncounted + repeats):
        for name, run in contenders.items():
            for key, value in run().items():
                if repeat >= uncounted:
                    figures[name].setdefault(key, []).append(value)
    return figures


def own_process(*words: str) -> dict[str, float]:
    """Figures that a Python process of its own, started with `words`, prints as JSON in its last line."""
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    if done.returncode:
        raise SystemExit(f"python {' '.join(words)} failed:\n{done.stderr.strip()}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def median(figures: Figures, name: str, key: str) -> float:
    """Median over the runs."""
    return statistics.median(figures[name][key])


def machine() -> str:
    """One line on where this was measured."""
    return f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
