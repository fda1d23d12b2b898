"""Several tasks, each trained by itself: what sharing a trunk has to be better than."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from warmstart.data.onetask import known_split, one_task
from warmstart.data.schema import IntArray
from warmstart.data.stores import relabelled
from warmstart.engine.data import RunData
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, RecipeRung, Role, Rung, settled
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import task_of
from warmstart.task.several import Several

SINGLE = "single"
"""The rung of this name, and the baseline that asks for it."""


@dataclasses.dataclass
class AloneRung:
    """A rung for each task, over samples that have a label of it, with a network of its own; the answers together.

    It is a baseline: what it leaves is no one network.
    """

    rung: RecipeRung
    name: str = SINGLE
    about: str = ""
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.about = self.about or f"no sharing: each task alone, by {self.rung.name}"

    def seconds(self, context: LadderContext) -> float:
        """Of all tasks, each of its own samples."""
        if context.finished(self.name):
            return 0.0
        return sum(self.rung.seconds(inner) for inner in each_alone(context, self.name))

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Train them one after the other."""
        return dataclasses.replace(of_each_task(self.rung, context, self.name), settings={"twin": self.rung.name})

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """Train them again, each for as long as it was good for."""
        pairs = zip(first.parts, each_alone(context, self.name), strict=True)
        recipes = [settled(one, inner.task.primary_metric) for one, inner in pairs]
        found = of_each_task(self.rung, context, self.name, recipes)
        return dataclasses.replace(found, settings=first.settings)


def each_alone(context: LadderContext, folder: str) -> list[LadderContext]:
    """The run as it would be if each of the tasks were the only one."""
    assert isinstance(context.task, Several), "asked of several tasks alone"
    found = []
    for number, part in enumerate(context.task.parts):
        dataset = one_task(context.data.dataset, part.name)
        data: RunData = dataclasses.replace(
            context.data,
            dataset=dataset,
            split=known_split(dataset, context.data.split),
            store=relabelled(context.data.store, dataset),
            _others={},
        )
        inner = context.within(data, f"{folder}-{number}")
        found.append(dataclasses.replace(inner, task=task_of(dataset.target)))
    return found


def of_each_task(rung: Rung, context: LadderContext, name: str, recipes: Sequence[Recipe] | None = None) -> Contender:
    """What a rung leaves of each task by itself, as one contender that answers all of them; it is no network."""
    contexts, parts = each_alone(context, name), list[Contender]()
    for number, inner in enumerate(contexts):
        one = rung
        if recipes is not None and isinstance(rung, RecipeRung):
            one = dataclasses.replace(rung, recipe=recipes[number])
        if isinstance(one, RecipeRung):
            one = dataclasses.replace(one, recipe=unbalanced(one.recipe))
        parts.append(one.climb(inner, {}))

    def outputs(indices: IntArray) -> Tensor:
        return torch.cat([part.outputs(indices) for part in parts], 1)

    notes = [f"{part.note} for {own.name}" for part, own in zip(parts, context.task.parts, strict=True) if part.note]  # type: ignore[attr-defined]
    return Contender(
        name,
        outputs,
        outputs(context.data.split.val),
        trained_parameters=sum(part.trained_parameters for part in parts),
        note=", ".join(notes),
        plan="\n\n".join(part.plan for part in parts if part.plan),
        seconds=sum(part.seconds for part in parts),
        stopped="deadline" if any(part.stopped for part in parts) else "",
        parts=tuple(parts),
    )


def unbalanced(recipe: Recipe) -> Recipe:
    """The recipe for one task, where there is nothing to balance."""
    steps = tuple(
        step.model_copy(update={"balance": "sum"}) if isinstance(step, Phase) else step for step in recipe.steps
    )
    return recipe.model_copy(update={"steps": steps})
