"""What `plan` says a recipe will take, after its two-second probe of the machine, and what it then takes."""

from __future__ import annotations

import functools
import time

from benchmarks.datasets import Prepared, prepare
from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from benchmarks.micro.runs import fresh, network
from warmstart.engine.run import run_recipe
from warmstart.model.catalog import load_backbone
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import CacheLimits
from warmstart.planning.speed import measure_speed
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import tasks

SIZE, TRAIN, TEST = 128, 400, 100


def recipes() -> dict[str, Recipe]:
    """Recipes that spend their time in different places."""
    return {
        "probe": load_recipe("probe"),
        "finetune": load_recipe("finetune", epochs=4),
        "gradual": load_recipe("gradual", stage_epochs=2, epochs=2),
        "lp_ft, all blocks": load_recipe("lp_ft", epochs=2),
        "finetune, augmented": load_recipe("finetune", epochs=4, augment="light"),
        "progressive_resize": load_recipe("progressive_resize", epochs=1),
    }


def run(repeats: int) -> Table:
    """Expected and actual seconds."""
    data = prepare("fashion", TRAIN, TEST, 0)
    contenders: dict[str, Run] = {name: functools.partial(once, data, recipe) for name, recipe in recipes().items()}
    figures = interleaved(contenders, repeats)
    rows = []
    for name in contenders:
        expected, actual = median(figures, name, "expected"), median(figures, name, "actual")
        rows.append((name, f"{expected:.1f}", f"{actual:.1f}", f"{expected / actual - 1:+.0%}"))
    notes = (
        f"{machine()}; medians of {repeats}",
        f"Lite0, {TRAIN} training and {TEST} validation images of Fashion-MNIST at {SIZE} px, nothing stored before",
    )
    return Table(
        "What the plan expects", ("recipe", "expected (s)", "actual (s)", "off by"), tuple(rows), notes, figures
    )


def once(prepared: Prepared, recipe: Recipe) -> dict[str, float]:
    """Plan, then run."""
    backbone = load_backbone("lite0")
    with fresh(prepared, backbone, SIZE, CacheLimits(), test=True) as data:
        model = network(backbone, data)
        expected = compile_plan(recipe, model, data.facts, speed=measure_speed(model, data.spec)).seconds
        began = time.perf_counter()
        run_recipe(recipe, model, data, task=tasks["classify"])
        return {"expected": expected, "actual": time.perf_counter() - began}
