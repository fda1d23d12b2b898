"""The end of a `recommend`: the methods of `fit`'s ladder on the best backbones, each measured on validation."""

from __future__ import annotations

import dataclasses
import time

from torch import Tensor

from warmstart.api.running.rungs import default_rungs
from warmstart.data.schema import IntArray
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Listener
from warmstart.engine.ladder.climb import climb
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.evaluation.compare import difference
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.outcome import Difference
from warmstart.evaluation.recommendation import Tuned
from warmstart.evaluation.scoring import Merit, of_known, scores
from warmstart.recipe.recipe import Recipe
from warmstart.select.view import View
from warmstart.task.base import Task, task_of


@dataclasses.dataclass(frozen=True)
class Finalist:
    """What was measured of a backbone, and what is needed to compare it and to run its method again."""

    tuned: Tuned
    outputs: Tensor  # of the method on validation
    targets: Tensor
    units: IntArray | None  # of the values that `scores` has
    task: Task
    recipe: Recipe
    merit: Merit


def finalist(view: View, seconds: float, most: float, *, seed: int, listener: Listener) -> Finalist | None:
    """Try probe, LP-FT and the light tune as `fit` would, within `seconds`.

    If the probe alone takes longer it is all that is tried; `None` if it takes longer than `most`.
    """
    began, task, limit = time.monotonic(), task_of(view.data.dataset.target), Deadline(most)
    context = LadderContext(
        backbone=view.backbone,
        data=view.data,
        task=task,
        deadline=Deadline(seconds),
        speed=view.speed,
        seed=seed,
        listener=listener,
    )
    rungs = [rung for rung in default_rungs(context, "none", 0.0) if isinstance(rung, RecipeRung)]
    expected = rungs[0].seconds(context)
    left = limit.left()
    if expected > left:
        listener(Decided(f"{view.uri} is not tuned: its probe needs about {expected:.0f} s, of {left:.0f} s left"))
        return None
    context.deadline = Deadline(max(context.deadline.left(), expected))
    listener(Decided(f"methods are tried on {view.uri}, within {context.deadline.left():.0f} s"))
    climbed = climb(rungs, context, reserve=0.0)
    chosen, targets = climbed.contenders[climbed.chosen], context.data.targets(context.data.split.val)
    right = scores(task, chosen.val_outputs, targets)
    units = of_known(task, targets, context.data.units(context.data.split.val))
    gain = None
    if climbed.chosen != "probe":
        probe = climbed.contenders["probe"]
        gain = difference(climbed.chosen, right, "probe", scores(task, probe.val_outputs, targets), seed, units)
    reached = bootstrap(right, seed=seed, units=units)
    tuned = Tuned(view.uri, climbed.tried, climbed.chosen, reached, gain, time.monotonic() - began)
    merit = Merit.of(task, chosen.val_outputs, targets)
    return Finalist(tuned, chosen.val_outputs, targets, units, task, chosen.members[0].recipe, merit)


def in_order(finalists: list[Finalist]) -> list[Finalist]:
    """The better on validation first; at equal values, that of the lower loss."""
    return sorted(finalists, key=lambda one: one.merit, reverse=True)


def against(first: Finalist, second: Finalist, seed: int) -> Difference:
    """The two on the same validation samples."""
    names, outputs = (first.tuned.backbone, second.tuned.backbone), (first.outputs, second.outputs)
    right = [scores(first.task, each, first.targets) for each in outputs]
    return difference(names[0], right[0], names[1], right[1], seed, first.units)
