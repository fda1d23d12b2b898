"""Successive halving over backbones and heads: many on few samples, few on all of them (Jamieson & Talwalkar 2016).

Every round scores its candidates by cross-validation on training samples alone and keeps the better half; the next has
twice the samples, those of the round before among them. Features are what costs, so each backbone is asked only for the
samples that are new to it, and one whose heads are all out is never asked again. Rounds that only drop see images at
half the size, a quarter of the work, but at no less than half of what a network was trained at: at 32 px a pretrained
EfficientNet-Lite0 (224 px) was behind one of random weights on handwritten digits, and so dropped, while at 112 px it
led by far. The last round, which decides, is at full size.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from warmstart.cache.features import BATCH, activations
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import IntArray
from warmstart.engine.data import RunData
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started, silent
from warmstart.engine.heads import closed_form
from warmstart.engine.heads.base import HeadFit, Problem
from warmstart.engine.heads.folds import stratified_order
from warmstart.engine.heads.score import accuracy, log_loss
from warmstart.errors import RecipeError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone

HEADS = ("blend", "knn")
SMALLEST = 4
"""Samples per class, on average, below which a round says too little to drop anything by."""
_WHAT = "halving"


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A backbone, by URI, and a closed-form head on its features."""

    backbone: str
    head: str


@dataclasses.dataclass(frozen=True)
class Score:
    """What a round says of a candidate: out-of-fold accuracy and log-loss, and the input side (pixels) it saw."""

    candidate: Candidate
    accuracy: float
    log_loss: float
    size: int


@dataclasses.dataclass(frozen=True)
class Round:
    """Scores on the first `samples` training samples, the best first; `kept` of them went on."""

    samples: int
    scores: tuple[Score, ...]
    kept: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Halving:
    """All rounds, and every candidate: those of the last round in order, then those dropped last, and so on."""

    rounds: tuple[Round, ...]
    ranking: tuple[Candidate, ...]


def halve(
    backbones: Sequence[str],
    data: RunData,
    *,
    heads: Sequence[str] = HEADS,
    seed: int = 0,
    accept_licence: bool = False,
    listener: Listener = silent,
) -> Halving:
    """Rank backbones with heads on the training samples of `data`; neither validation nor test samples are looked at.

    Args:
        backbones: URIs, see `load_backbone`. Each keeps its own preprocessing, but for the size and the way of
            resizing, which are those of `data` where it takes them.
        data: its store of activations is read and filled.
        heads: names of closed-form heads.
        seed: of the order in which samples come in, of folds, and of random weights.
        accept_licence: see `load_backbone`.
        listener: is told of each round.

    Raises:
        RecipeError: no backbone or no head, or one of them twice.
        BackboneError: a backbone cannot be had; before anything is computed.
    """
    for what, names in (("backbone", backbones), ("head", heads)):
        if not names or len(set(names)) < len(names):
            raise RecipeError(f"{what}s {list(names)}", f"at least one {what}, and none twice")
    fits = {head: closed_form[head] for head in heads}
    views = {uri: _View(load_backbone(uri, seed=seed, accept_licence=accept_licence), data) for uri in backbones}
    left = [Candidate(uri, head) for uri in backbones for head in heads]
    order = data.split.train[stratified_order(data.dataset.labels[data.split.train], seed)]
    sizes = round_sizes(len(left), len(order), SMALLEST * len(data.dataset.target.classes))
    rounds: list[Round] = []
    out: list[Candidate] = []
    listener(Started(_WHAT, len(sizes)))
    for samples in sizes:
        began, last = time.monotonic(), len(rounds) == len(sizes) - 1
        scores = sorted(
            (
                score
                for uri, view in views.items()
                for score in view.scores(
                    {c: fits[c.head] for c in left if c.backbone == uri}, order[:samples], last, seed
                )
            ),
            key=lambda score: (-score.accuracy, score.log_loss),
        )
        kept = len(scores) if last else -(-len(scores) // 2)
        rounds.append(Round(samples, tuple(scores), kept, time.monotonic() - began))
        left, dropped = [s.candidate for s in scores[:kept]], [s.candidate for s in scores[kept:]]
        out = dropped + out
        views = {uri: view for uri, view in views.items() if any(c.backbone == uri for c in left)}
        listener(Advanced(_WHAT))
        listener(Decided(f"{samples} samples: {left[0].head} on {left[0].backbone} leads; {len(dropped)} dropped"))
    listener(Finished(_WHAT))
    return Halving(tuple(rounds), (*left, *out))


def round_sizes(candidates: int, samples: int, smallest: int) -> list[int]:
    """Samples of each round: as many rounds as it takes to halve down to two, doubling up to all of them.

    Fewer rounds where the first would have less than `smallest`: then the last one has more candidates.

    >>> round_sizes(8, 1000, 40), round_sizes(8, 100, 40), round_sizes(2, 1000, 40), round_sizes(8, 30, 40)
    ([250, 500, 1000], [50, 100], [1000], [30])
    """
    sizes = [samples]
    while candidates > 2 and sizes[0] // 2 >= smallest:
        candidates = -(-candidates // 2)
        sizes.insert(0, sizes[0] // 2)
    return sizes


class _View:
    """The data as one backbone is to see them."""

    def __init__(self, backbone: Backbone, data: RunData) -> None:
        self._backbone = backbone
        own, card = backbone.preprocess, backbone.card
        size = own.size if card.fixed_size else max(card.min_size, data.spec.size)
        spec = dataclasses.replace(own, size=size, resize=data.spec.resize)
        store = PixelStore(data.dataset, spec)
        self._data = RunData(data.dataset, data.split, store, spec, data.cache, data.limits, "torch", BATCH)
        self._half = size if card.fixed_size else min(size, max(card.min_size, size // 2, own.size // 2))

    def scores(self, fits: dict[Candidate, HeadFit], indices: IntArray, full: bool, seed: int) -> list[Score]:
        """Of this backbone's candidates, on the samples at `indices`; at half the size unless `full`."""
        size = self._data.spec.size if full else self._half
        features = activations(self._data.wanted(self._backbone.chain, size), -1, indices)
        labels = self._data.dataset.labels[indices]
        problem = Problem.of(features, labels, len(self._data.dataset.target.classes), self._backbone.groups)
        outputs = {candidate: fit(problem, seed=seed).cv_outputs for candidate, fit in fits.items()}
        return [Score(c, accuracy(logits, labels), log_loss(logits, labels), size) for c, logits in outputs.items()]
