"""The facts of one `compare`, as data: what its `results.json` holds and its report draws. Only JSON-able values.

Every contender (a method on a backbone) is trained on the same folds. What is said of one is said of samples that it
has not learned from: each is held out once per seed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

from warmstart.data.targets import TaskName
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import (
    CellSamples,
    CurveRow,
    Foreseen,
    Marked,
    Mistake,
    OfTask,
    PrecisionRecall,
    Reliability,
    Shared,
    Shown,
)
from warmstart.evaluation.units import Independent

Finding = Literal["better", "worse", "as good", "no difference that this data can show"]
"""What a comparison comes to; "as good": the whole interval lies within what counts as equal in practice."""


@dataclasses.dataclass(frozen=True)
class TrialRow:
    """One contender, trained on one fold with one seed and measured on what was held out."""

    seed: int
    fold: int  # from 0
    train: int  # samples it was trained on
    held_out: int
    value: float  # the primary metric on the held-out samples
    seconds: float
    peak_memory: int  # bytes of the process at its largest, 0 where it could not be measured
    drift: float | None = None  # 1 - linear CKA of features before and after, held-out samples
    moved: float | None = None  # share of held-out samples whose answer of the source head changed
    stopped: str = ""  # "deadline" if time cut it short


@dataclasses.dataclass(frozen=True)
class Gain:
    """The paired difference of a contender and a reference on the same held-out samples, in three ways.

    `interval` is the bootstrap over samples (or groups): these trained models on new samples. `p` is of the corrected
    resampled t-test over folds, adjusted for the number of comparisons (Holm): other training samples as well.
    `better`, `equal` and `worse` are the Bayesian probabilities that the difference lies above, within, below `rope`.
    """

    than: str  # name of the reference
    interval: Interval
    p: float | None  # None with fewer than two folds
    better: float | None
    equal: float | None
    worse: float | None
    rope: float
    finding: Finding
    needed: (
        int | None
    )  # samples (or independent units) in all that would settle what was observed; None if settled or nothing was seen


@dataclasses.dataclass(frozen=True)
class Entry:
    """One contender: a method on a backbone."""

    name: str  # "lp_ft", or "lp_ft on timm:resnet50" where there are several backbones
    method: str
    backbone: str
    about: str  # one line: what it does, and with which settings
    role: Literal["no transfer", "frozen", "tuned"]
    metrics: dict[str, Interval]  # all classification metrics over all held-out samples; empty if no trial finished
    ece: float | None  # expected calibration error, temperature from validation
    seconds: float  # of one trial, mean; shared features are not counted in it
    peak_memory: int  # bytes, the largest of its trials
    trained_parameters: int
    trials: tuple[TrialRow, ...]
    over_scratch: Gain | None = None  # than the best contender without transfer
    over_frozen: Gain | None = None  # than the best frozen contender on the same backbone
    drift: Interval | None = None  # forgetting: how far the features moved, 0 (not at all) to 1
    moved: Interval | None = None  # forgetting: share of samples whose source prediction changed
    curve: tuple[CurveRow, ...] = ()  # of its first trial
    hurts: bool = False  # negative transfer: worse than without transfer, and the data can show it
    failed: str = ""  # why it has no finished trial, or fewer than the others
    over_best: Gain | None = None  # than the best entry; None for the best itself


@dataclasses.dataclass(frozen=True)
class Picked:
    """What choosing by validation in each fold, and so with no look at the held-out samples, would have reached."""

    value: Interval
    counts: dict[str, int]  # how often each contender was the one


@dataclasses.dataclass(frozen=True)
class Searched:
    """A recipe that `tune` tried, and what it reached on validation."""

    name: str
    val: float | None  # the primary metric; None where training failed or was cut short
    seconds: float
    failed: str = ""


def by_validation(searched: Sequence[Searched]) -> list[Searched]:
    """What was tried, the best on validation first; of equals the first tried, what could not be measured last.

    >>> found = by_validation([Searched("a", None, 1.0), Searched("b", -2.0, 1.0), Searched("c", -1.0, 1.0)])
    >>> [one.name for one in found]
    ['c', 'b', 'a']
    """
    return sorted(searched, key=lambda one: -math.inf if one.val is None else one.val, reverse=True)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Everything a user may want to know of one `compare`."""

    data: str
    classes: tuple[str, ...]
    samples: int  # that take part
    left_out: int  # of a test part given by the data, which stays closed
    folds: int
    seeds: tuple[int, ...]
    how: str  # how the folds were made, in one sentence
    metric: str  # primary metric
    entries: tuple[Entry, ...]  # in the order asked for
    best: str  # name of the entry with the best primary metric
    picked: Picked | None
    verdict: str  # a few sentences a person can act on
    audit: dict[str, Any]  # `Audit.to_dict()`
    backbones: tuple[dict[str, Any], ...]  # BackboneCard.to_dict() of each
    preprocess: tuple[dict[str, Any], ...]  # of each backbone
    decisions: tuple[str, ...]
    seconds: float
    shared_seconds: float  # of frozen features, computed once for all
    budget: float
    environment: dict[str, Any]
    command: str  # how to repeat this
    task: TaskName = "classify"
    independent: Independent | None = None  # units of the samples; None where each sample is one
    confusion: tuple[tuple[int, ...], ...] = ()  # this and what follows: of the best, seed 0, as an `Outcome` has it
    per_class: tuple[dict[str, Any], ...] = ()
    reliability_before: Reliability | None = None
    reliability_after: Reliability | None = None
    mistakes: tuple[Mistake, ...] = ()
    cells: tuple[CellSamples, ...] = ()
    shown: tuple[Shown, ...] = ()
    pairs: tuple[tuple[float, float], ...] = ()
    forecasts: tuple[Foreseen, ...] = ()
    marked: tuple[Marked, ...] = ()
    by_class: tuple[dict[str, Any], ...] = ()
    precision_recall: tuple[PrecisionRecall, ...] = ()
    by_task: tuple[OfTask, ...] = ()
    shared: tuple[Shared, ...] = ()  # of several tasks, where a method was tried on each alone too
    sharing: str = ""  # that method
    searched: tuple[Searched, ...] = ()  # of `tune`: what was tried on validation, the default first

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return dataclasses.asdict(self)
