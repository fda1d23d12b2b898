"""Augmentation and frozen work: live augmentation computes the frozen part anew in every epoch, K stored views do not.

The upper half of Lite0 is tuned for ten epochs on few labels; accuracy is on the test images, after the last epoch.
"""

from __future__ import annotations

import functools
import time

from benchmarks.datasets import Prepared, prepare
from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from benchmarks.micro.runs import fresh, network
from warmstart.engine.run import run_recipe
from warmstart.model.catalog import load_backbone
from warmstart.planning.plan import CacheLimits
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.task.base import tasks

SIZE, TRAIN, TEST, EPOCHS = 128, 300, 1000, 10
WAYS: dict[str, dict[str, object]] = {
    "live augmentation": {"augment": "light"},
    "8 stored views": {"augment": "light", "views": 8},
    "4 stored views": {"augment": "light", "views": 4},
    "2 stored views": {"augment": "light", "views": 2},
    "no augmentation": {},
    "feature jitter 0.2": {"jitter": 0.2},
}


def run(repeats: int) -> Table:
    """Seconds and accuracy of each way."""
    data = prepare("fashion", TRAIN, TEST, 0)
    contenders: dict[str, Run] = {name: functools.partial(once, data, fields) for name, fields in WAYS.items()}
    figures = interleaved(contenders, repeats)
    live = median(figures, "live augmentation", "seconds")
    rows = []
    for name in WAYS:
        seconds, accuracy = median(figures, name, "seconds"), median(figures, name, "accuracy")
        rows.append((name, f"{seconds:.1f}", f"{live / seconds:.1f}", f"{accuracy:.4f}"))
    notes = (
        f"{machine()}; medians of {repeats}",
        f"Fashion-MNIST, {TRAIN} training and {TEST} test images at {SIZE} px, Lite0 from its middle, {EPOCHS} epochs",
    )
    return Table(
        "Stored views against live augmentation", ("", "s", "x faster", "accuracy"), tuple(rows), notes, figures
    )


def once(prepared: Prepared, fields: dict[str, object]) -> dict[str, float]:
    """One training, its test images measured after the last epoch."""
    backbone = load_backbone("lite0")
    recipe = load_recipe("lp_ft", from_block=len(backbone.chain.blocks) // 2, epochs=EPOCHS)
    steps = [step.model_copy(update=fields) if isinstance(step, Phase) else step for step in recipe.steps]
    began = time.perf_counter()
    with fresh(prepared, backbone, SIZE, CacheLimits(), test=True) as data:
        changed = recipe.model_copy(update={"steps": tuple(steps)})
        result = run_recipe(changed, network(backbone, data), data, task=tasks["classify"])
    last = result.curve[-1].values
    return {"seconds": time.perf_counter() - began, "accuracy": last["val_accuracy"]}
