"""The facts of one `adapt`, as data: what its `results.json` holds and its page draws. Only JSON-able values."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmstart.evaluation.compare import NO_DIFFERENCE
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import CurveRow, Difference
from warmstart.evaluation.similarity import Similarity
from warmstart.evaluation.verdict import percent, points

REFERENCE = "source_only"
"""The method that learns from the source and never sees the target: what every other is compared with."""


@dataclasses.dataclass(frozen=True)
class TargetFacts:
    """The target, and what of its labels can be measured on. They are never learned from, nor chosen by."""

    name: str
    samples: int  # readable; all are adapted to
    unreadable: int
    labelled: int  # of a class that the source has; 0 where it was read without labels
    foreign: dict[str, int]  # classes of the target that the source lacks, with their samples: no answer is right
    absent: tuple[str, ...]  # classes of the source of which a labelled target has no sample


@dataclasses.dataclass(frozen=True)
class Tried:
    """One method. `criteria` were computed without labels of the target, `target` and `gain` with them."""

    name: str
    about: str  # one line: what was done
    adapts: bool = False  # it learns from the target's inputs
    val: Interval | None = None  # the primary metric on held-out samples of the source
    criteria: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    trained_parameters: int = 0
    answers: tuple[int, ...] = ()  # samples of the target that each class was answered for, in class order
    target: Interval | None = None  # the primary metric on the target, where it has labels
    gain: Difference | None = None  # over `source_only`, on the same samples of the target
    curve: tuple[CurveRow, ...] = ()
    skipped: str = ""  # why it was not run, or gave nothing


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a criterion is, and which method it picks."""

    name: str  # "snd"
    title: str  # "SND"
    paper: str
    higher_is_better: bool
    picks: str  # name of a method
    reaches: float | None  # of that method, the primary metric on the target; `None` without labels there


@dataclasses.dataclass(frozen=True)
class Adaptation:
    """Everything a user may want to know of one `adapt`."""

    source: str
    target: TargetFacts
    classes: tuple[str, ...]
    split: dict[str, Any]  # of the source: {"train": n, "val": n, "how": "..."}
    audit: dict[str, Any]  # of the source: `Audit.to_dict()`
    backbone: dict[str, Any]  # BackboneCard.to_dict()
    preprocess: dict[str, Any]
    metric: str  # primary metric
    shift: Similarity | None  # training samples of the source as A, samples of the target as B
    shift_words: str  # whether there is a shift worth adapting to
    tried: tuple[Tried, ...]
    criterion: str  # what chose
    choices: tuple[Choice, ...]  # every criterion; all but one are for comparison
    chosen: str
    oracle: str | None  # the method that labels of the target would have chosen
    oracle_gap: Difference | None  # of what was chosen against that; `None` where they are the same
    verdict: str
    temperature: float
    decisions: tuple[str, ...]
    plan: str  # of the chosen method, as text
    seconds: float
    budget: float
    seed: int
    environment: dict[str, Any]
    command: str

    def of(self, name: str) -> Tried:
        """The method of that name. Raises `KeyError` if there is none."""
        return {one.name: one for one in self.tried}[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return dataclasses.asdict(self)


def verdict_of_adaptation(chosen: Tried, criterion: str, oracle: Tried | None, gap: Difference | None) -> str:
    """Two or three sentences: what was chosen and by what, whether that helped, and what labels would have chosen.

    Args:
        chosen: the method that is shipped.
        criterion: title of what chose it.
        oracle: the method that is best on the target; `None` where the target has no labels.
        gap: of `chosen` against `oracle` on the same samples; `None` where they are the same.

    >>> print(verdict_of_adaptation(Tried("mcc", ""), "SND", None, None))
    mcc was chosen by SND, which needs no label of the target. Without any, nobody can say whether that helped: label \
some of the target's samples and measure with `warmstart evaluate`.
    """
    first = f"{chosen.name} was chosen by {criterion}, which needs no label of the target."
    if oracle is None or chosen.target is None:
        return (
            f"{first} Without any, nobody can say whether that helped: label some of the target's samples and measure "
            "with `warmstart evaluate`."
        )
    right = f"{percent(chosen.target.value)} of its answers there are right"
    return " ".join((first, _helped(chosen, right), _beside(oracle, gap)))


def _helped(chosen: Tried, right: str) -> str:
    """Whether what was chosen beats what learned from the source alone."""
    if not chosen.adapts:
        first = f"It does not adapt, and {right}"
        return f"{first}." if chosen.gain is None else f"{first}, {_against(chosen.gain)}."
    assert chosen.gain is not None, "what adapts is compared with what does not"
    if chosen.gain.verdict == "better":
        return f"Adaptation helped: {right}, {_against(chosen.gain)}."
    if chosen.gain.verdict == "worse":
        return f"Adaptation hurt here: {right}, {_against(chosen.gain)}."
    return f"This data cannot show that adaptation helped: {right}, {_against(chosen.gain)}."


def _against(gain: Difference) -> str:
    return f"{points(gain.difference)} against {REFERENCE}"


def _beside(oracle: Tried, gap: Difference | None) -> str:
    """What choosing with labels would have given."""
    if gap is None:
        return "Labels of the target would have chosen the same."
    assert oracle.target is not None
    cost = points(gap.difference)
    told = f"no difference that this data can show ({cost})" if gap.verdict == NO_DIFFERENCE else cost
    return f"Labels of the target would have chosen {oracle.name}, {percent(oracle.target.value)}: {told}."
