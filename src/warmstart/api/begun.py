"""What a run began with. Measured speed chooses the recipes of the ladder, and no two measurements are the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from warmstart.engine.ladder.rungs import RecipeRung, Rung
from warmstart.files import read_json, write_json
from warmstart.recipe.recipe import Recipe

LADDER = "ladder.json"


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
