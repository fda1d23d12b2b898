"""`warmstart fit` on articles of BBC News as a user runs it: one command, its whole process timed.

The probe on 2000 texts is to take less than 90 s on two cores, the ladder on 500 less than five minutes, which is its
budget when nothing is said. Nothing is stored before. The test set is a fifth of the texts, drawn by the command.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.micro.articles import articles, write
from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from benchmarks.process import run_process

TASKS: dict[str, tuple[int, tuple[str, ...], float]] = {
    "probe, 128 tokens": (2000, ("--recipe", "probe", "--size", "128"), 90.0),
    "probe, 256 tokens": (2000, ("--recipe", "probe", "--size", "256"), 90.0),
    "ladder, nothing chosen": (500, (), 300.0),
}
"""How many texts, what the command is told, and the seconds that it is to take at most."""
QUICK: dict[str, tuple[int, tuple[str, ...], float]] = {
    "probe, 32 tokens": (60, ("--recipe", "probe", "--size", "32"), 90.0),
    "ladder, 32 tokens": (60, ("--size", "32", "--budget", "30s"), 30.0),
}
TIMEOUT = 1800


def run(repeats: int, *, quick: bool = False) -> Table:
    """Seconds, and what came out."""
    chosen = QUICK if quick else TASKS
    with tempfile.TemporaryDirectory() as folder:
        files = {count: write(articles(count), Path(folder) / f"bbc-{count}.csv") for count, _, _ in chosen.values()}
        contenders: dict[str, Run] = {
            name: functools.partial(once, files[count], options) for name, (count, options, _) in chosen.items()
        }
        figures = interleaved(contenders, repeats, uncounted=0)
    rows = []
    for name, (count, _, limit) in chosen.items():
        seconds = median(figures, name, "seconds")
        accuracy = f"{median(figures, name, 'accuracy'):.3f}"
        others = (f"{median(figures, name, key):.0f}" for key in ("CPU s", "MB"))
        verdict = "yes" if seconds < limit else "no"
        rows.append((name, str(count), f"{seconds:.1f}", f"{limit:.0f}", verdict, *others, accuracy))
    header = ("fit", "texts", "s", "at most", "within", "CPU s", "MB", "test accuracy")
    notes = (f"{machine()}; medians of {repeats}; minilm, BBC News, one command each, its process from start to end",)
    return Table("Fitting texts", header, tuple(rows), notes, figures)


def once(table: Path, options: tuple[str, ...]) -> dict[str, float]:
    """One command."""
    program = str(Path(sys.executable).with_name("warmstart"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [program, "fit", str(table), "--out", str(out), "--cache", f"{folder}/cache", *options]
        ended = run_process(command, TIMEOUT)
        if ended.code:
            raise SystemExit(f"{' '.join(command)} failed:\n{ended.tail}")
        outcome = json.loads((out / "results.json").read_text(encoding="utf-8"))
    accuracy = outcome["test"]["accuracy"]["value"]
    return {"seconds": ended.seconds, "CPU s": ended.cpu_seconds, "MB": ended.peak_mb, "accuracy": accuracy}
