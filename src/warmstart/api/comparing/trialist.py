"""One trial as a piece of work for another process or machine: plain data in, a `Trial` out. What it needs is made once
there.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch

from warmstart.api.comparing.contest import Contest, contest
from warmstart.api.running.held import share
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import silent
from warmstart.engine.fanout.processes import stopping
from warmstart.engine.machine import at_most, cores
from warmstart.engine.trials.contender import Contestant
from warmstart.engine.trials.trial import Trial, run_trial


@dataclasses.dataclass(frozen=True)
class Contested:
    """What all trials have in common. `folder` is the run's, where other processes can write into it."""

    data: Any
    contestants: tuple[Contestant, ...]
    options: dict[str, Any]
    folder: str
    cache: str | None
    left: float


Job = tuple[int, int]
"""Contestant and fold, by number."""
_ready: dict[str, Contest] = {}


def work(common: Contested, job: Job) -> Trial:
    """Run the trial of a job. Data, folds and networks are made at the first job of a process, and kept."""
    with at_most(share(common.options)):
        return _work(common, job)


def _work(common: Contested, job: Job) -> Trial:
    on_ray = common.options["ray"] is not None
    key = json.dumps([common.folder, common.options], sort_keys=True, default=str)
    if key not in _ready:
        keep_buffers()
        if not on_ray:  # where a worker has a core
            torch.set_num_threads(max(1, cores() // common.options["workers"]))
        _ready.clear()  # a worker of a notebook's cluster serves one comparison after the other
        _ready[key] = contest(
            common.data,
            common.contestants,
            common.options,
            folder=Path(common.folder),
            cache=common.cache,
            deadline=Deadline(None),
            listener=silent,
        )
    found = _ready[key]
    contestant, fold = common.contestants[job[0]], found.folds.every[job[1]]
    context = dataclasses.replace(found.contexts[contestant.backbone], deadline=Deadline(common.left))
    if not on_ray:  # another machine may not see the folder
        context.interrupt = stopping
        context.folder = Path(common.folder) / place(common.contestants, contestant, fold.seed, fold.number) / "work"
    return run_trial(contestant, fold, context, context.task.primary_metric)


def place(contestants: tuple[Contestant, ...], contestant: Contestant, seed: int, fold: int) -> Path:
    """Where in the run folder a trial lies. Names of contestants are no file names."""
    number = [one.name for one in contestants].index(contestant.name)
    return Path("trials") / f"{number:02d}" / f"seed-{seed}-fold-{fold}"
