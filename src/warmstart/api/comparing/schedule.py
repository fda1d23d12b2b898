"""The trials of a `compare`, one fold after the other, so that what the budget leaves room for is the same for all."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator
from pathlib import Path
from typing import Any

from warmstart.api.comparing.contest import Contest
from warmstart.api.comparing.trialist import Contested, Job, place, work
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.engine.fanout.cluster import OnRay
from warmstart.engine.fanout.processes import Processes
from warmstart.engine.fanout.spread import GivenUp, spread
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.trials.contender import Contestant
from warmstart.engine.trials.folds import Fold
from warmstart.engine.trials.trial import Trial, load, run_trial, save
from warmstart.errors import Interrupted

WHAT = "trials"
Key = tuple[str, int, int]
"""Name of the contestant, seed, number of the fold."""
Ended = Generator[tuple[Contestant, Fold, Trial]]


@dataclasses.dataclass
class Schedule:
    """What is to be run, and where the results lie. `listener` hears of trials, `detail` of what happens in them."""

    contest: Contest
    folder: Path
    deadline: Deadline
    interrupt: Interrupt
    listener: Listener
    detail: Listener
    reserve: float
    done: dict[Key, Trial] = dataclasses.field(default_factory=dict)

    def run(self, data: Any, options: dict[str, Any], cache: str | None) -> dict[Key, Trial]:
        """Every trial that is finished, those of an earlier process among them."""
        price = self.contest.pricing()
        cost = {one.name: price(one) for one in self.contest.contestants}
        order = sorted(self.contest.contestants, key=lambda one: cost[one.name])
        every = [(one, fold) for fold in self.contest.folds.every for one in order]
        self.listener(Started(WHAT, len(every)))
        todo = [pair for pair in every if not self._found(*pair)]
        if len(todo) < len(every):
            self.listener(Decided(f"{len(every) - len(todo)} of {len(every)} trials were finished before"))
        if options["ray"] is None and options["workers"] == 1:
            ended = self._here(todo, cost)
        else:
            ended = self._elsewhere(todo, data, options, cache)
        with contextlib.closing(ended):  # so that workers are no more when this is over, however it ends
            for one, fold, trial in ended:
                save(self.folder / self._place(one, fold), trial)
                self._count(one, fold, trial)
        self.listener(Finished(WHAT))
        if len(self.done) < len(every):
            self.listener(Decided(f"the budget was over after {len(self.done)} of {len(every)} trials"))
        return self.done

    def _place(self, one: Contestant, fold: Fold) -> Path:
        return place(self.contest.contestants, one, fold.seed, fold.number)

    def _found(self, one: Contestant, fold: Fold) -> bool:
        trial = load(self.folder / self._place(one, fold))
        if trial is not None and not trial.stopped:  # one that the deadline cut short gets another chance
            self._count(one, fold, trial)
        return (one.name, fold.seed, fold.number) in self.done

    def _count(self, one: Contestant, fold: Fold, trial: Trial) -> None:
        self.done[one.name, fold.seed, fold.number] = trial
        self.listener(Advanced(WHAT))

    def _here(self, todo: list[tuple[Contestant, Fold]], cost: dict[str, float]) -> Ended:
        metric = next(iter(self.contest.contexts.values())).task.primary_metric
        for one, fold in todo:
            if self.interrupt.stopped:
                raise Interrupted(f"stopped after {len(self.done)} trials, which are kept")
            left = self.deadline.left() - self.reserve
            if left <= 0 or (fold.number > 1 and cost[one.name] > left):
                return
            context = self.contest.contexts[one.backbone]
            context = dataclasses.replace(
                context,
                deadline=Deadline(left),
                interrupt=self.interrupt,
                listener=self.detail,
                folder=self.folder / self._place(one, fold) / "work",
            )
            yield one, fold, run_trial(one, fold, context, metric)

    def _elsewhere(
        self, todo: list[tuple[Contestant, Fold]], data: Any, options: dict[str, Any], cache: str | None
    ) -> Ended:
        places = {(fold.seed, fold.number): i for i, fold in enumerate(self.contest.folds.every)}
        names = [one.name for one in self.contest.contestants]
        jobs: list[Job] = [(names.index(one.name), places[fold.seed, fold.number]) for one, fold in todo]
        left, folder = self.deadline.left() - self.reserve, str(self.folder.resolve())
        common = Contested(data, self.contest.contestants, options, folder, cache, left)
        lost: dict[str, GivenUp] = {}
        crew: OnRay | Processes
        if options["ray"] is None:
            crew = Processes(work, common, options["workers"])
        else:
            crew = OnRay(work, common, options["ray"], Path.cwd())
        with crew:
            found = spread(
                crew,
                jobs,
                name=self._called,
                listener=self.listener,
                ready=lambda: self.deadline.left() > self.reserve,
                stopped=lambda: self.interrupt.stopped,
            )
            for job, trial in found:
                if isinstance(trial, GivenUp):
                    lost[self._called(job)] = trial
                else:
                    yield self.contest.contestants[job[0]], self.contest.folds.every[job[1]], trial
        if self.interrupt.stopped:
            raise Interrupted(f"stopped after {len(self.done)} trials, which are kept")
        if lost:
            raise next(iter(lost.values())).error(
                " and ".join(lost),
                f"{len(self.done)} trials are finished, and kept: to go on, the same command with --resume "
                f"{self.folder}, and fewer workers where memory is short",
            )

    def _called(self, job: Job) -> str:
        one, fold = self.contest.contestants[job[0]], self.contest.folds.every[job[1]]
        return f"the trial of {one.name} on fold {fold.number} (seed {fold.seed})"


def complete(done: dict[Key, Trial], contestants: tuple[Contestant, ...]) -> tuple[list[str], list[tuple[int, int]]]:
    """Contestants with a whole trial, and the (seed, fold) that all of these have: what is compared is the same."""
    whole = {key for key, trial in done.items() if not trial.failed and not trial.stopped}
    names = [one.name for one in contestants if any(key[0] == one.name for key in whole)]
    folds = sorted({(seed, fold) for _, seed, fold in whole})
    return names, [pair for pair in folds if all((name, *pair) in whole for name in names)]


def shortfalls(done: dict[Key, Trial], contestants: tuple[Contestant, ...], wanted: int) -> dict[str, str]:
    """Why a contestant has fewer trials than were wanted, by name."""
    found: dict[str, str] = {}
    for one in contestants:
        mine = [trial for key, trial in done.items() if key[0] == one.name]
        failed = [trial.failed for trial in mine if trial.failed]
        cut = sum(bool(trial.stopped) for trial in mine)
        missing = wanted - len(mine)
        parts = [
            f"{len(failed)} of {wanted} trials failed: {failed[0]}" if failed else "",
            f"the budget cut {cut} of {wanted} trials short" if cut else "",
            f"the budget left no time for {missing} of {wanted} trials" if missing else "",
        ]
        if any(parts):
            found[one.name] = "; ".join(part for part in parts if part)
    return found
