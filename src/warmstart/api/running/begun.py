"""What a run began with. Measured speed chooses the recipes of the ladder, and no two measurements are the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from warmstart.engine.extraction import Choice
from warmstart.engine.ladder.rungs import RecipeRung, Rung
from warmstart.files import read_json, write_json
from warmstart.model.runtimes.base import version
from warmstart.recipe.recipe import Recipe

LADDER = "ladder.json"
RUNTIME = "runtime.json"


def as_begun(rungs: Sequence[Rung], folder: Path) -> list[Rung]:
    """The rungs with the recipes that are recorded in `folder`; without a record, theirs are recorded.

    So a resumed run climbs the ladder of the run that was interrupted, whatever time is left and however quick the
    machine is today.
    """
    before = read_json(folder / LADDER)
    if before is None:
        before = {rung.name: rung.recipe.model_dump(mode="json") for rung in rungs if isinstance(rung, RecipeRung)}
        write_json(folder / LADDER, before)
    return [
        dataclasses.replace(rung, recipe=Recipe.model_validate(before[rung.name]))
        if isinstance(rung, RecipeRung)
        else rung
        for rung in rungs
    ]


def runtime_as_begun(folder: Path, choose: Callable[[], Choice]) -> Choice:
    """The runtime that is recorded in `folder`, where it is still installed; else the one chosen now is recorded.

    Activations of two runtimes differ in their last digits, and a resumed run is to end in the same weights.
    """
    before = read_json(folder / RUNTIME)
    if before is not None and (before["runtime"] == "torch" or version(before["runtime"])):
        return Choice(**before)
    found = choose()
    write_json(folder / RUNTIME, dataclasses.asdict(found))
    return found
