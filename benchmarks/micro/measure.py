"""Interleaved timings, their medians and ratios, and a Markdown table of them."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping

import torch

Run = Callable[[], Mapping[str, float]]
"""One run of a contender: named figures, seconds among them."""


@dataclasses.dataclass(frozen=True)
class Table:
    """A finished benchmark: `rows` of text under `header`, and what to know when reading it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    figures: dict[str, dict[str, list[float]]]  # every run, by contender and name

    def markdown(self) -> str:
        """As a Markdown section."""
        lines = [f"### {self.title}", "", _line(self.header), _line(("---",) * len(self.header))]
        lines += [_line(row) for row in self.rows]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]) + "\n"


def interleaved(contenders: Mapping[str, Run], repeats: int) -> dict[str, dict[str, list[float]]]:
    """Figures of each contender, run in turn (A B C, A B C, ...) after one round that does not count."""
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in contenders}
    for repeat in range(repeats + 1):
        for name, run in contenders.items():
            for key, value in run().items():
                if repeat:
                    figures[name].setdefault(key, []).append(value)
    return figures


def median(figures: dict[str, dict[str, list[float]]], name: str, key: str) -> float:
    """Median over the runs."""
    return statistics.median(figures[name][key])


def machine() -> str:
    """One line on where this was measured."""
    threads = torch.get_num_threads()
    where = f"{os.cpu_count()} cores, {threads} threads, {platform.system()} {platform.machine()}"
    return f"{where}, Python {platform.python_version()}, torch {torch.__version__}"


def gemm_peak(sizes: tuple[int, ...] = (512, 1024, 2048, 4096), seconds: float = 0.5) -> float:
    """Floating-point operations per second of a product of two square float32 matrices: the best of several sizes."""
    best = 0.0
    for size in sizes:
        a, b = torch.randn(size, size), torch.randn(size, size)
        torch.mm(a, b)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            start = time.perf_counter()
            torch.mm(a, b)
            best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
