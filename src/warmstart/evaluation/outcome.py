"""The facts of one `fit`, as data: what `results.json` holds and the report draws. No tensors, only JSON-able values.

`Outcome.to_dict()` is the content of `results.json`; `report.html` is drawn from it alone, with the thumbnails in it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from warmstart.data.targets import TaskName
from warmstart.evaluation.difference import Difference as Difference
from warmstart.evaluation.distilled import Distilled
from warmstart.evaluation.forgotten import Forgotten
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.similarity import Similarity
from warmstart.evaluation.units import Independent


@dataclasses.dataclass(frozen=True)
class CurveRow:
    """One epoch (or closed-form fit) of one rung."""

    phase: str
    epoch: int
    step: int
    values: dict[str, float]  # train_loss, val_loss, val_accuracy, rate, seconds, ...


@dataclasses.dataclass(frozen=True)
class Rung:
    """One thing that was tried. `role`: a baseline needs no transfer; it is chosen only where it is a network."""

    name: str  # "pixels", "tfidf", "scratch", "probe", "lp_ft", "average", "bias_only", "ensemble"
    about: str  # one line: what was done
    role: Literal["candidate", "baseline"]
    val: dict[str, float]  # metrics on validation
    seconds: float
    kept: bool  # became the best so far when it was tried
    why: str  # "better than probe on validation by 0.021 (interval ...)", "skipped: budget", ...
    test: Interval | None = None  # the primary metric on test, filled in at the very end, in one pass
    trained_parameters: int = 0
    curve: tuple[CurveRow, ...] = ()
    skipped: bool = False
    terms: tuple[tuple[str, ...], ...] = ()  # of each class, the words that tell it from the others; of texts


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Reliability diagram data on test, with equal-width confidence bins; empty bins have count 0."""

    edges: tuple[float, ...]  # bins + 1
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    count: tuple[int, ...]
    ece: float  # expected calibration error


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A test sample on which the chosen model was most confidently wrong."""

    id: str
    true: str
    predicted: str
    probability: float  # of the predicted class
    thumbnail: str = ""  # data:image/jpeg;base64,... at most 96 px
    true_probability: float = 0.0  # of the true class
    loss: float = 0.0  # -ln of that, in nats: 0.7 for a coin, 2.3 for one of ten
    text: tuple[str, ...] = ()  # the beginning of a text, or of both of a pair


@dataclasses.dataclass(frozen=True)
class Shown:
    """A test sample with what is true of it and what was answered, in words."""

    id: str
    true: str
    said: str
    loss: float  # what the task calls a surprise: nats, or an absolute error
    worst: bool  # or else drawn at random
    thumbnail: str = ""  # as of `Mistake`
    text: tuple[str, ...] = ()  # likewise


@dataclasses.dataclass(frozen=True)
class Foreseen:
    """A forecast beside what came; values are in the user's unit, `None` where they are not known."""

    id: str
    past: tuple[float | None, ...]  # the last values before the origin
    truth: tuple[float | None, ...]  # those after it
    quantiles: dict[str, tuple[float, ...]]  # by level: "0.1"
    base: tuple[float | None, ...]  # the seasonal naive forecast
    error: float  # MASE
    worst: bool  # or else drawn at random


@dataclasses.dataclass(frozen=True)
class Marked:
    """An image in which something was marked, beside what is true of it."""

    id: str
    true: str  # what is in it, in words
    said: str
    error: float  # what the task calls a surprise; 0 is nothing wrong
    worst: bool  # or else drawn at random
    true_picture: str = ""  # data:image/jpeg;base64,... with the truth drawn on it
    said_picture: str = ""  # with the answer


@dataclasses.dataclass(frozen=True)
class PrecisionRecall:
    """How precision falls as more is found, for boxes that meet a true one by half."""

    name: str  # of a class
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    area: float  # average precision


@dataclasses.dataclass(frozen=True)
class Example:
    """A sample as an instance of something that happens often."""

    id: str
    probability: float  # of the predicted class
    thumbnail: str = ""  # as of `Mistake`; empty beyond a number of pictures
    text: tuple[str, ...] = ()  # likewise


@dataclasses.dataclass(frozen=True)
class CellSamples:
    """Samples behind one cell of the confusion matrix, the surest first; on the diagonal the least sure first."""

    row: int  # true class
    column: int  # predicted class
    count: int  # of the cell, of which `samples` may be a part
    samples: tuple[Example, ...]


@dataclasses.dataclass(frozen=True)
class Point:
    """One sample in the plane."""

    id: str
    x: float
    y: float
    part: Literal["train", "val", "test"]
    true: int
    predicted: int | None  # unknown of a sample that was learned from


@dataclasses.dataclass(frozen=True)
class Projection:
    """Features of some samples, drawn in two dimensions."""

    method: str  # how, in one sentence
    network: str  # whose features they are
    points: tuple[Point, ...]


@dataclasses.dataclass(frozen=True)
class Coverage:
    """Conformal sets at one coverage, on samples that they were not calibrated on."""

    asked: float  # share of samples whose set should hold the true class
    reached: Interval  # share whose set does
    size: float  # classes in a set, mean
    single: float  # share of sets of one class


@dataclasses.dataclass(frozen=True)
class Unknowns:
    """How samples are found that look like nothing the network was trained on."""

    threshold: float  # distance beyond which a sample is called unknown
    bank: int  # training samples that it is compared with
    measured: int  # test samples that were looked at
    flagged: Interval | None  # share of them that is called unknown, though their classes are known


@dataclasses.dataclass(frozen=True)
class OfTask:
    """What is told of one of several tasks, as an `Outcome` has it of one alone."""

    name: str
    task: TaskName
    classes: tuple[str, ...]
    metric: str
    known: int  # samples of those measured on whose label is known
    metrics: dict[str, Interval]  # empty where none is known
    confusion: tuple[tuple[int, ...], ...] = ()
    per_class: tuple[dict[str, Any], ...] = ()
    reliability_before: Reliability | None = None
    reliability_after: Reliability | None = None
    mistakes: tuple[Mistake, ...] = ()
    cells: tuple[CellSamples, ...] = ()
    shown: tuple[Shown, ...] = ()
    pairs: tuple[tuple[float, float], ...] = ()


@dataclasses.dataclass(frozen=True)
class Shared:
    """What a task gains by sharing the trunk with the others: the paired difference with training it alone."""

    name: str
    metric: str
    alone: Interval
    together: Interval
    difference: Interval  # together less alone, on the same samples
    verdict: Literal["helped", "harmed", "no difference that this data can show"]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Everything a user may want to know of one `fit`."""

    data: str
    classes: tuple[str, ...]
    split: dict[str, Any]  # {"train": n, "val": n, "test": n, "how": "..."}
    audit: dict[str, Any]  # `Audit.to_dict()`
    backbone: dict[str, Any]  # BackboneCard.to_dict()
    preprocess: dict[str, Any]
    metric: str  # primary metric
    rungs: tuple[Rung, ...]
    chosen: str
    verdict: str  # one or two sentences a person can act on
    differences: tuple[Difference, ...]
    test: dict[str, Interval]  # metrics of the chosen model on test; empty without a test set
    temperature: float
    decisions: tuple[str, ...]  # everything decided on the user's behalf, in order
    plan: str  # the plan of the chosen rung as text
    seconds: float
    budget: float
    seed: int
    environment: dict[str, Any]  # versions, cores, threads, platform, date
    command: str  # how to repeat this run
    task: TaskName = "classify"
    evaluated_on: Literal["test", "val"] = "test"
    confusion: tuple[tuple[int, ...], ...] = ()  # of classes; rows: true class, columns: predicted
    per_class: tuple[dict[str, Any], ...] = ()  # {"name", "precision", "recall", "f1", "count"}
    reliability_before: Reliability | None = None
    reliability_after: Reliability | None = None
    mistakes: tuple[Mistake, ...] = ()  # of classes
    shown: tuple[Shown, ...] = ()  # of other answers: the worst, and then some drawn at random
    forecasts: tuple[Foreseen, ...] = ()  # of series: the worst, and then some drawn at random
    marked: tuple[Marked, ...] = ()  # of boxes and masks: the worst, and then some drawn at random
    by_class: tuple[dict[str, Any], ...] = ()  # of boxes and masks: {"name", "count", metrics of the class}
    precision_recall: tuple[PrecisionRecall, ...] = ()  # of boxes
    measured: dict[str, dict[str, float]] = dataclasses.field(
        default_factory=dict
    )  # of forecasts: all metrics of all that is compared on `evaluated_on`
    pairs: tuple[
        tuple[float, float], ...
    ] = ()  # of numbers: (true, answered) in the user's unit; of anomalies: (0 or 1, score)
    times: dict[str, float] = dataclasses.field(default_factory=dict)  # seconds by kind of work
    rates: dict[str, float] = dataclasses.field(
        default_factory=dict
    )  # FLOP/s of the machine at its "peak", and of the "frozen part"
    cells: tuple[CellSamples, ...] = ()  # of `confusion`, the mistakes before the diagonal, the largest first
    projection: Projection | None = None
    stored_size: dict[str, Interval] = dataclasses.field(
        default_factory=dict
    )  # of masks: `test` at the size of each image as it is stored; empty without the time for it
    independent: Independent | None = None  # units of `evaluated_on`; None where each sample is one
    coverages: tuple[Coverage, ...] = ()  # on test; those that the validation samples can support
    unknowns: Unknowns | None = None
    alarm_beyond: float | None = None  # of anomalies: a score between those without an alarm and those with one
    by_task: tuple[OfTask, ...] = ()  # of several tasks
    shared: tuple[Shared, ...] = ()  # likewise, where each was trained alone too
    shift: Similarity | None = None  # training samples as A, those of `evaluated_on` as B
    distilled: Distilled | None = None  # of a student
    forgotten: Forgotten | None = None  # of a network that was trained further

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return dataclasses.asdict(self)
