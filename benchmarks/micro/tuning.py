"""Tuning the upper blocks of minilm with the frozen ones stored and without: time, and whether the losses are the same.

Each run is a process of its own with an empty cache, and everything else is the same: what is stored is what would be
computed, so that the losses may differ in their last digits alone.
"""

from __future__ import annotations

import functools
import json
import sys
import time

from benchmarks.datasets import prepare
from benchmarks.micro.measure import Figures, Run, Table, interleaved, machine, median, own_process
from benchmarks.micro.runs import fresh, network
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.run import run_recipe
from warmstart.model.catalog import load_backbone
from warmstart.planning.plan import CacheLimits
from warmstart.recipe.methods import load_recipe
from warmstart.task.base import tasks

MODULE = "benchmarks.micro.tuning"
SIZE, TRAIN, TEST, EPOCHS = 128, 300, 100, 5
QUICK = (32, 40, 10, 2)
METHODS = {
    "last block": "finetune?from_block=-1",
    "last two blocks": "finetune?from_block=-2",
    "all but the embeddings": "finetune?from_block=1",
}
LIMITS = {"kept": CacheLimits(), "nothing kept": CacheLimits(total=0, memory=0)}


def run(repeats: int, *, quick: bool = False) -> Table:
    """Seconds of each way, and the losses' largest difference over all epochs."""
    protocol = QUICK if quick else (SIZE, TRAIN, TEST, EPOCHS)
    words, methods = json.dumps(protocol), list(METHODS)[: 1 if quick else None]
    contenders: dict[str, Run] = {
        f"{method}, {limits}": functools.partial(own_process, "-m", MODULE, method, limits, words)
        for method in methods
        for limits in LIMITS
    }
    figures = interleaved(contenders, repeats, uncounted=0)
    rows = []
    for method in methods:
        kept, without = (f"{method}, {limits}" for limits in LIMITS)
        fast, slow = (median(figures, way, "seconds") for way in (kept, without))
        last = f"{figures[kept]['train_loss 1'][0]:.4f} to {figures[kept][f'train_loss {protocol[-1]}'][0]:.4f}"
        rows.append(
            (method, f"{slow:.1f}", f"{fast:.1f}", f"{slow / fast:.2f}", last, f"{apart(figures, kept, without):.0e}")
        )
    size, train, test, epochs = protocol
    notes = (
        f"{machine()}; medians of {repeats}, a process each",
        f"minilm, {train} training and {test} validation texts of BBC News at {size} tokens, {epochs} epochs",
        "difference: the largest of any epoch's loss, training or validation",
    )
    header = ("tuned", "nothing kept (s)", "kept (s)", "x faster", "training loss", "difference")
    return Table("Tuning on texts", header, tuple(rows), notes, figures)


def apart(figures: Figures, first: str, second: str) -> float:
    """The largest difference of a loss between two ways, over epochs and repeats."""
    losses = [key for key in figures[first] if "loss" in key]
    return max(abs(a - b) for key in losses for a, b in zip(figures[first][key], figures[second][key], strict=True))


def once(method: str, limits: str, size: int, train: int, test: int, epochs: int) -> dict[str, float]:
    """One tuning: seconds with everything that is read and stored, and the losses by epoch."""
    keep_buffers()
    prepared, backbone = prepare("bbc", train, test, 0), load_backbone("minilm")
    recipe = load_recipe(f"{METHODS[method]}&epochs={epochs}")
    began = time.perf_counter()
    with fresh(prepared, backbone, size, LIMITS[limits], test=True) as data:
        result = run_recipe(recipe, network(backbone, data), data, task=tasks["classify"])
    seconds = time.perf_counter() - began
    losses = {
        f"{key} {number}": point.values[key]
        for number, point in enumerate(result.curve, start=1)
        for key in ("train_loss", "val_loss")
    }
    return {"seconds": seconds, **losses}


if __name__ == "__main__":
    print(json.dumps(once(*sys.argv[1:3], *json.loads(sys.argv[3]))))
