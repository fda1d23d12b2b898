"""What runs of other kinds than `fit` have in common with it: the folder, the log, the climb, the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from warmstart.api.fit import FitResult
from warmstart.api.inputs.prepare import Loaded
from warmstart.api.running.recorded import recorded
from warmstart.api.running.run import Run, write
from warmstart.api.running.runfolder import open_folder
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Finished, Listener, Started, broadcast, remembering
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ledger import Ledger
from warmstart.planning.compile import compile_plan
from warmstart.planning.edited import outlined
from warmstart.recipe.recipe import Recipe
from warmstart.report.tracking.base import trackers_named
from warmstart.task.base import task_of
from warmstart.task.network import network_for


@dataclasses.dataclass
class Begun:
    """A run from its first second on: what it was asked for, and what is told while it is prepared.

    `same` is what a resumed run has to have in common with it.
    """

    listener: Listener
    limit: float
    same: Mapping[str, Any]
    line: str
    out: str | Path | None
    resume: str | Path | None
    track: str

    def __post_init__(self) -> None:
        trackers_named(self.track)  # one that is missing is said before time is spent
        self.started = monotonic()
        self.decisions: list[str] = []
        self.ledger = Ledger()
        self.tell = broadcast(self.listener, remembering(self.decisions), self.ledger)


Make = Callable[..., Run]


def execute(
    begun: Begun, make: Make, recipe: Recipe, loaded: Loaded, data: RunData, *, seed: int, **how: Any
) -> FitResult:
    """Open the folder, climb what `make` makes of the run, and write everything.

    A recipe that does not fit the backbone is refused before the folder is made.

    Args:
        begun: the run so far.
        make: a kind of `Run`.
        recipe: what is run.
        loaded: what was read, and for which backbone.
        data: the same as the engine works on it.
        seed: of everything random.
        **how: further arguments of `make`.
    """
    network = network_for(loaded.backbone, loaded.dataset.target, seed=seed)
    compile_plan(recipe, outlined(network, recipe.edits), data.facts, limits=data.limits)
    folder = open_folder(loaded.dataset.name, dict(begun.same), out=begun.out, resume=begun.resume)
    begun.listener(Started(f"run {folder}"))
    with recorded(folder, begun.track, begun.tell, loaded.dataset.samples) as (heard, flag):
        context = LadderContext(
            backbone=loaded.backbone,
            data=data,
            task=task_of(loaded.dataset.target),
            deadline=Deadline(begun.limit - (monotonic() - begun.started)),
            interrupt=flag,
            seed=seed,
            listener=heard,
            folder=folder / "rungs",
        )
        run = make(
            folder=folder,
            context=context,
            loaded=loaded,
            recipe=recipe,
            baseline="none",
            decisions=begun.decisions,
            budget=begun.limit,
            started=begun.started,
            command=begun.line,
            ledger=begun.ledger,
            **how,
        )
        outcome = run.climb()
        write(outcome, run)
    begun.listener(Finished(f"run {folder}"))
    return FitResult(outcome, folder, folder / "report.html", folder / "bundle")
