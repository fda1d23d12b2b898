"""One trial as a job for another process or machine: plain data in, a `Trial` out. What it needs is made once there."""

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
from warmstart.engine.machine import at_most, cores
from warmstart.engine.trials.contender import Contestant
from warmstart.engine.trials.trial import Trial, run_trial


@dataclasses.dataclass(frozen=True)
class Job:
    """Contestant and fold by number. `folder` is the run's, where other processes can write into it."""

    data: Any
    contestants: tuple[Contestant, ...]
    options: dict[str, Any]
    folder: str
    cache: str | None
    left: float
    contestant: int
    fold: int


_READY: dict[str, Contest] = {}


def work(job: Job) -> Trial:
    """Run the trial of a job. Data, folds and networks are made at the first job of a process, and kept."""
    with at_most(share(job.options)):
        return _work(job)


def _work(job: Job) -> Trial:
    key = json.dumps([job.folder, job.options], sort_keys=True, default=str)
    if key not in _READY:
        keep_buffers()
        torch.set_num_threads(max(1, cores() // job.options["workers"]))
        _READY[key] = contest(
            job.data,
            job.contestants,
            job.options,
            folder=Path(job.folder),
            cache=job.cache,
            deadline=Deadline(None),
            listener=silent,
        )
    found = _READY[key]
    contestant, fold = job.contestants[job.contestant], found.folds.every[job.fold]
    context = dataclasses.replace(found.contexts[contestant.backbone], deadline=Deadline(job.left))
    if job.options["ray"] is None:  # another machine may not see the folder
        context.folder = Path(job.folder) / place(job.contestants, contestant, fold.seed, fold.number) / "work"
    return run_trial(contestant, fold, context, context.task.primary_metric)


def place(contestants: tuple[Contestant, ...], contestant: Contestant, seed: int, fold: int) -> Path:
    """Where in the run folder a trial lies. Names of contestants are no file names."""
    number = [one.name for one in contestants].index(contestant.name)
    return Path("trials") / f"{number:02d}" / f"seed-{seed}-fold-{fold}"
