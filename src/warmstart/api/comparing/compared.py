"""From finished trials to what can be said of them: entries, gains, what validation would have picked, a verdict."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from warmstart.api.comparing.contest import ALONE, Contest
from warmstart.api.comparing.schedule import Key, complete, shortfalls
from warmstart.data.schema import IntArray
from warmstart.engine.trials.contender import Contestant
from warmstart.engine.trials.trial import Trial
from warmstart.evaluation.calibration import reliability
from warmstart.evaluation.compare import metric_intervals
from warmstart.evaluation.comparison import Entry, Gain, Picked, TrialRow
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.paired import Pair, adjusted, gain
from warmstart.evaluation.predict import joined
from warmstart.evaluation.scoring import bounded, scores
from warmstart.evaluation.sharing import gains_of_sharing

Values = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Answers:
    """Of one contestant on the folds that all have.

    `right` (n,): the share of seeds in which each sample was right, NaN where it was never held out. `by_trial`: of
    each trial, whether each held-out sample was right; of tasks other than classification, values whose mean is the
    primary metric. The rest is of the first seed: what was held out (m,), its targets, outputs and calibrated outputs.
    """

    right: Values
    by_trial: tuple[Values, ...]
    indices: IntArray
    targets: Tensor
    raw: Tensor
    calibrated: Tensor


@dataclasses.dataclass
class Compared:
    """All trials of a contest, as far as they can be compared."""

    contest: Contest
    done: dict[Key, Trial]
    metric: str
    seed: int

    def __post_init__(self) -> None:
        self.names, self.folds = complete(self.done, self.contest.contestants)
        self.task = next(iter(self.contest.contexts.values())).task
        self.samples = len(self.contest.first.dataset)
        self._backbone = {one.name: one.backbone for one in self.contest.contestants}
        self.splits = {(fold.seed, fold.number): fold.split for fold in self.contest.folds.every}
        self.answers = {name: self._answers(name) for name in self.names if self.folds}

    def _hits(self, name: str, pair: tuple[int, int]) -> Values:
        """Whether each held-out sample of a trial was right."""
        return scores(self.task, self.done[name, *pair].outputs, self._targets(name, self.splits[pair].test))

    def _targets(self, name: str, indices: IntArray) -> Tensor:
        """Of the samples at `indices`, as the backbone of a contestant reads them."""
        return self.contest.contexts[self._backbone[name]].data.targets(indices)

    def _right(self, hits: Sequence[Values]) -> Values:
        """The share of seeds in which each sample was right, from the hits of every fold; NaN where never held out."""
        sums, counts = np.zeros(self.samples), np.zeros(self.samples)
        for pair, found in zip(self.folds, hits, strict=True):
            sums[self.splits[pair].test] += found
            counts[self.splits[pair].test] += 1
        right: Values = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
        return right

    def _answers(self, name: str) -> Answers:
        by_trial = tuple(self._hits(name, pair) for pair in self.folds)
        right = self._right(by_trial)
        first = [pair for pair in self.folds if pair[0] == self.folds[0][0]]
        trials = [self.done[name, *pair] for pair in first]
        indices = np.concatenate([self.splits[pair].test for pair in first])
        raw = joined([trial.outputs for trial in trials])
        calibrated = joined([trial.outputs / trial.temperature for trial in trials])
        return Answers(right, by_trial, indices, self._targets(name, indices), raw, calibrated)

    def interval(self, right: Values) -> Interval:
        """The mean of per-sample values with its interval; units of several samples are drawn as a whole."""
        some = ~np.isnan(right)
        units = self.contest.folds.units[some]
        return bounded(self.task, bootstrap(right[some], seed=self.seed, units=units))

    def gain(self, name: str, than: str) -> Gain:
        """Of one contestant over another, p not yet adjusted."""
        a, b = self.answers[name], self.answers[than]
        some = ~np.isnan(a.right)
        gaps = [first - second for first, second in zip(a.by_trial, b.by_trial, strict=True)]
        pair = Pair(
            a=a.right[some],
            b=b.right[some],
            units=self.contest.folds.units[some],
            differences=np.array([gap.mean() for gap in gaps]),
            sampling=float(np.mean([gap.var(ddof=1) / len(gap) if len(gap) > 1 else 0.0 for gap in gaps])),
            ratio=self.contest.folds.ratio,
        )
        return gain(than, pair, seed=self.seed)

    def entries(self) -> tuple[Entry, ...]:
        """A row for each contestant in the order asked for, with its gains."""
        missing = shortfalls(self.done, self.contest.contestants, len(self.contest.folds.every))
        rows = [self._entry(one, missing.get(one.name, "")) for one in self.contest.contestants]
        return self._with_gains(rows)

    def _entry(self, one: Contestant, failed: str) -> Entry:
        context = self.contest.contexts[one.backbone]
        mine = {key[1:]: trial for key, trial in sorted(self.done.items()) if key[0] == one.name}
        whole = {pair: trial for pair, trial in mine.items() if not trial.failed}
        answers = self.answers.get(one.name)
        metrics: dict[str, Interval] = {}
        if answers is not None:
            units = self.contest.folds.units[answers.indices]
            metrics = metric_intervals(self.task, answers.calibrated, answers.targets, seed=self.seed, units=units)
            metrics[self.metric] = self.interval(answers.right)
        about = one.rung.about
        if one.epochs:
            about = f"{about.rstrip('.')}; {one.epochs} epochs in all."
        return Entry(
            name=one.name,
            method=one.method,
            backbone=one.backbone,
            about=about,
            role=one.role(context),
            metrics=metrics,
            ece=None if answers is None else self._ece(answers),
            seconds=float(np.mean([trial.seconds for trial in whole.values()])) if whole else 0.0,
            peak_memory=max((trial.peak_memory for trial in whole.values()), default=0),
            trained_parameters=max((trial.trained_parameters for trial in whole.values()), default=0),
            trials=tuple(self._row(one.name, pair, trial) for pair, trial in whole.items()),
            drift=self._spread([trial.drift for trial in whole.values()]),
            moved=self._spread([trial.moved for trial in whole.values()]),
            curve=next(iter(whole.values())).curve if whole else (),
            failed=failed,
        )

    def _ece(self, answers: Answers) -> float | None:
        return reliability(answers.calibrated, answers.targets).ece if self.task.calibrates else None

    def _row(self, name: str, pair: tuple[int, int], trial: Trial) -> TrialRow:
        split = self.splits[pair]
        return TrialRow(
            *pair,
            train=len(split.train),
            held_out=len(split.test),
            value=float(self._hits(name, pair).mean()),
            seconds=trial.seconds,
            peak_memory=trial.peak_memory,
            drift=trial.drift,
            moved=trial.moved,
            stopped=trial.stopped,
        )

    def _spread(self, values: list[float | None]) -> Interval | None:
        known = [value for value in values if value is not None]
        return bootstrap(known, seed=self.seed) if known and len(known) == len(values) else None

    def _with_gains(self, rows: list[Entry]) -> tuple[Entry, ...]:
        """Each entry over its references; the p-values of all gains of a kind are adjusted for their number."""
        best, scratch = self.best(rows), self.best(rows, lambda row: row.role == "no transfer")

        def frozen(row: Entry) -> str | None:
            return self.best(rows, lambda other: other.role == "frozen" and other.backbone == row.backbone)

        over_scratch = self._gains(rows, [None if row.role == "no transfer" else scratch for row in rows])
        over_frozen = self._gains(rows, [frozen(row) for row in rows])
        over_best = self._gains(rows, [best for _ in rows])
        return tuple(
            dataclasses.replace(
                row,
                over_scratch=over_scratch.get(row.name),
                over_frozen=over_frozen.get(row.name),
                over_best=over_best.get(row.name),
                hurts=row.name in over_scratch and over_scratch[row.name].finding == "worse",
            )
            for row in rows
        )

    def _gains(self, rows: list[Entry], references: list[str | None]) -> dict[str, Gain]:
        pairs = zip(rows, references, strict=True)
        asked = [(row.name, than) for row, than in pairs if row.metrics and than not in (None, row.name)]
        found = adjusted([self.gain(name, str(than)) for name, than in asked])
        return {name: one for (name, _), one in zip(asked, found, strict=True)}

    def best(self, rows: Sequence[Entry], among: Callable[[Entry], bool] | None = None) -> str | None:
        """Name of the entry with the highest primary metric, the first of equals."""
        known = [row for row in rows if row.metrics and (among is None or among(row))]
        return max(known, key=lambda row: row.metrics[self.metric].value).name if known else None

    def sharing(self, best: str | None) -> dict[str, Any]:
        """`shared` and `sharing` of a `Comparison`: of the best method that was tried on each task alone too, else of
        the first; on the samples of the first seed.
        """
        alone = {one.name: one for one in self.contest.contestants if one.alone and one.name in self.answers}
        pairs = {one.name.removeprefix(ALONE): one.name for one in alone.values()}
        twins = [name for name in self.answers if name in pairs]
        if not twins:
            return {}
        twin = best if best in twins else twins[0]
        both, own = (self.answers[twin].raw, self.answers[pairs[twin]].raw), self.answers[twin]
        units = self.contest.folds.units[own.indices]
        gains = gains_of_sharing(self.task, *both, own.targets, self.seed, units)
        return {"shared": gains, "sharing": twin}

    def picked(self) -> Picked | None:
        """In each fold the contestant that was best on its validation part: what choosing would have reached."""
        if not self.folds:
            return None
        chosen = [self._preferred(pair) for pair in self.folds]
        right = self._right([self._hits(name, pair) for name, pair in zip(chosen, self.folds, strict=True)])
        counts = Counter(chosen)
        return Picked(self.interval(right), {name: counts[name] for name in self.names if counts[name]})

    def _preferred(self, pair: tuple[int, int]) -> str:
        return max(self.names, key=lambda name: self.done[name, *pair].val)
