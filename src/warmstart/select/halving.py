"""Successive halving over backbones: many on few samples, few on many of them (Jamieson & Talwalkar 2016).

Every round scores its backbones on training samples alone, by heads whose outputs for a sample its own label had no
part in, and keeps the better half; the next has twice the samples, those of the round before among them. A backbone is
as good as the better of its heads. Features are what costs, so each is asked only for the samples that are new to it,
and one that is out is never asked again. Rounds that only drop see images at half the size, a quarter of the work (and
of texts half as many tokens, if these are not few anyway), but
at no less than half of what a network was trained at: at 32 px a pretrained EfficientNet-Lite0 (224 px) was behind one
of random weights on handwritten digits, and so dropped, while at 112 px it led by far. The last round, which decides,
is at full size.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch

from warmstart.data.futures import Forecast, ForecastTarget
from warmstart.data.schema import IntArray
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started, silent
from warmstart.engine.heads import closed_form
from warmstart.engine.heads.base import HeadFit, Problem
from warmstart.engine.heads.folds import stratified_order
from warmstart.engine.heads.forecasts import blocks, fit_forecasts
from warmstart.engine.heads.score import log_loss
from warmstart.errors import RecipeError
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.metrics import correct
from warmstart.evaluation.scoring import scores
from warmstart.select.view import View
from warmstart.task.forecast import Forecasting

HEADS = ("knn", "ridge")
"""Both by exact leave-one-out. Nearest neighbours were ahead of 23 measures of transferability."""
SAMPLES = 2000
"""In the last round, at most."""
SMALLEST = 4
"""Samples per class, on average, below which a round says too little to drop anything by."""
_WHAT = "halving"


@dataclasses.dataclass(frozen=True)
class Score:
    """What a round says of a backbone with a head: left-out accuracy and log-loss, and the input size (px, tokens).

    Of forecasts it is the skill, and the quantile loss.
    """

    backbone: str
    head: str
    accuracy: Interval
    log_loss: float
    size: int


@dataclasses.dataclass(frozen=True)
class Round:
    """Scores on the first `samples` training samples, the best first; `kept` backbones went on."""

    samples: int
    scores: tuple[Score, ...]
    kept: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Halving:
    """All rounds, and the backbones: those of the last round in order, then those dropped last, and so on.

    For `unseen` ones there was no time at all.
    """

    rounds: tuple[Round, ...]
    ranking: tuple[str, ...]
    unseen: tuple[str, ...] = ()


class Timed(Protocol):
    """A backbone of which it is known how long it takes: a `View`, or what was `Seen` of one elsewhere."""

    @property
    def uri(self) -> str:
        """What the user calls it."""
        ...

    def seconds(self, *, full: bool = True) -> float:
        """Of a sample from its file to its features, at half the size unless `full`."""
        ...


Ask = Callable[[Sequence[str], IntArray, bool], Mapping[str, Sequence[Score]]]
"""The scores of backbones on the samples at some indices, at full size or half of it. One that is missing is out."""


def halve(
    views: Sequence[View],
    *,
    heads: Sequence[str] = HEADS,
    seed: int = 0,
    samples: int = SAMPLES,
    deadline: Deadline | None = None,
    listener: Listener = silent,
) -> Halving:
    """Rank backbones on training samples; neither validation nor test samples are looked at.

    Args:
        views: one per backbone, of the same data. Those first in order are the last to go for want of time.
        heads: names of closed-form heads.
        seed: of the order in which samples come in, and of folds.
        samples: of the last round, at most.
        deadline: no round is begun that would last beyond it, by the measured speed of the views; but for the first
            backbone in the first round, so that there is an answer.
        listener: is told of each round.

    Raises:
        RecipeError: no backbone or no head, or one of them twice.
    """
    for what, names in (("backbone", [view.uri for view in views]), ("head", list(heads))):
        if not names or len(set(names)) < len(names):
            raise RecipeError(f"{what}s {names}", f"at least one {what}, and none twice")
    fits, every = {head: closed_form[head] for head in heads}, {view.uri: view for view in views}

    def ask(uris: Sequence[str], indices: IntArray, full: bool) -> dict[str, list[Score]]:
        return {uri: _scores(every[uri], fits, indices, full, seed) for uri in uris}

    how: dict[str, Any] = {"seed": seed, "samples": samples, "deadline": deadline, "listener": listener}
    return halve_by(ask, views, views[0].data, **how)


def halve_by(
    ask: Ask,
    views: Sequence[Timed],
    data: RunData,
    *,
    seed: int = 0,
    samples: int = SAMPLES,
    deadline: Deadline | None = None,
    listener: Listener = silent,
    at_once: int = 1,
) -> Halving:
    """As `halve`, whoever gives the scores: `at_once` of them side by side. What `ask` leaves out is not ranked."""
    left = {view.uri: view for view in views}
    order = order_of(data, seed)[:samples]
    sizes = round_sizes(len(left), len(order), SMALLEST * len(data.dataset.target.classes))
    time_left = (deadline or Deadline(None)).left
    left, unseen = _affordable(left, sizes[0], at_once * time_left(), full=len(sizes) == 1)
    rounds: list[Round] = []
    out: list[str] = []
    listener(Started(_WHAT, len(sizes)))
    for number, size in enumerate(sizes):
        began, last = time.monotonic(), number == len(sizes) - 1
        new = size if last or not rounds else size - rounds[-1].samples
        if rounds and new * sum(view.seconds(full=last) for view in left.values()) > at_once * time_left():
            listener(Decided(f"the budget ends the halving before {size} samples: it rests on {rounds[-1].samples}"))
            break
        answers = ask(tuple(left), order[:size], last)
        found = sorted(
            (score for uri in left if uri in answers for score in answers[uri]),
            key=lambda score: (-score.accuracy.value, score.log_loss),
        )
        ranked = list(dict.fromkeys(score.backbone for score in found))
        kept = len(ranked) if last else -(-len(ranked) // 2)
        rounds.append(Round(size, tuple(found), kept, time.monotonic() - began))
        left, out = {uri: left[uri] for uri in ranked[:kept]}, ranked[kept:] + out
        listener(Advanced(_WHAT))
        dropped = f"; dropped: {', '.join(ranked[kept:])}" if kept < len(ranked) else ""
        listener(Decided(f"{size} samples: {ranked[0]} leads, by {found[0].head}{dropped}"))
    listener(Finished(_WHAT))
    return Halving(tuple(rounds), (*left, *out), unseen)


def scored(view: View, indices: IntArray, full: bool, seed: int) -> list[Score]:
    """The scores of a backbone on the training samples at `indices`, by each of `HEADS`."""
    return _scores(view, {head: closed_form[head] for head in HEADS}, indices, full, seed)


def order_of(data: RunData, seed: int) -> IntArray:
    """The training samples in the order in which the rounds take them, classes in their shares from the beginning."""
    train = data.split.train
    order: IntArray = train[stratified_order(data.dataset.strata[train], seed)]
    return order


def round_sizes(backbones: int, samples: int, smallest: int) -> list[int]:
    """Samples of each round: as many rounds as it takes to halve down to two, doubling up to all of them.

    Fewer rounds where the first would have less than `smallest`: then the last one has more backbones.

    >>> round_sizes(8, 1000, 40), round_sizes(8, 100, 40), round_sizes(2, 1000, 40), round_sizes(8, 30, 40)
    ([250, 500, 1000], [50, 100], [1000], [30])
    """
    sizes = [samples]
    while backbones > 2 and sizes[0] // 2 >= smallest:
        backbones = -(-backbones // 2)
        sizes.insert(0, sizes[0] // 2)
    return sizes


def _affordable(
    views: dict[str, Timed], samples: int, seconds: float, *, full: bool
) -> tuple[dict[str, Timed], tuple[str, ...]]:
    """The views that the first round has time for, in order, and the names of the others; always the first."""
    kept: dict[str, Timed] = {}
    for uri, view in views.items():
        seconds -= samples * view.seconds(full=full)
        if seconds >= 0 or not kept:
            kept[uri] = view
    return kept, tuple(uri for uri in views if uri not in kept)


def _scores(view: View, fits: dict[str, HeadFit], indices: IntArray, full: bool, seed: int) -> list[Score]:
    """Of one backbone with each head on the samples at `indices`."""
    if isinstance(view.data.dataset.target, ForecastTarget):
        return _of_forecasts(view, indices, view.data.dataset.target, seed)
    labels, size = view.data.dataset.labels[indices], view.size if full else view.half
    problem = Problem.of(view.features(indices, full=full), labels, len(view.data.dataset.target.classes))
    outputs = {head: fit(problem, seed=seed).cv_outputs for head, fit in fits.items()}
    units = view.data.units(indices[labels >= 0])
    return [
        Score(
            view.uri, head, bootstrap(correct(logits, labels), seed=seed, units=units), log_loss(logits, labels), size
        )
        for head, logits in outputs.items()
    ]


def _of_forecasts(view: View, indices: IntArray, target: ForecastTarget, seed: int) -> list[Score]:
    """Of the ridge regression of forecasts, on windows of later stretches of time, each answered by a fit on those
    before it.
    """
    task, targets = Forecasting(target.quantiles, target.context), view.data.targets(indices)
    known = torch.nonzero(~Forecast.of(targets).values.isnan().any(1)).flatten()
    features, targets = view.features(indices, full=True)[known], targets[known]
    outputs = fit_forecasts(features, targets, task, groups=view.backbone.groups).cv_outputs
    held = [rows for _, rows in blocks(Forecast.of(targets.double()).origin, target.horizon)]
    rows = torch.cat(held) if held else torch.arange(len(targets))
    skill = bootstrap(scores(task, outputs[rows], targets[rows]), seed=seed)
    return [Score(view.uri, "ridge", skill, float(task.loss(outputs[rows], targets[rows])), view.size)]
