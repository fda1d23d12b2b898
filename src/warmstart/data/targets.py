"""What samples are labelled with, for each kind of question, and how labels become the arrays that losses take.

Labels are what a person wrote (names, sets of names, numbers, a tag for each word, a text). Indices exist only inside a
target, and are mapped by name wherever two sets meet.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, cast

import numpy as np
import numpy.typing as npt

from warmstart.data.annotations import Annotation
from warmstart.data.tasklabels import TaskLabels

IntArray = npt.NDArray[np.int64]
Label = str | tuple[str, ...] | tuple[float, ...] | Annotation | TaskLabels
"""A class or a text to be written; classes, or a tag for each word; numbers; what is marked in an image; a label for
each of several tasks."""
Labels = Sequence[Label | None]
TaskName = Literal[
    "classify", "multilabel", "regress", "tag", "generate", "anomaly", "forecast", "detect", "segment", "several"
]

UNKNOWN = -1
"""The index of a label that is not known, and of a place in a text that has none."""
_BINS = 10
"""Strata of numbers, at most; each of about equally many samples."""


def parts_of(label: Label) -> tuple[Any, ...]:
    """The parts of a label that is made of several: classes, tags, numbers."""
    assert isinstance(label, tuple), f"a label of {type(label).__name__} where one of several parts belongs"
    return label


class Target(Protocol):
    """What the labels of a data set are."""

    @property
    def kind(self) -> TaskName:
        """The task that they pose."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of what is answered, in the order of the network's outputs; empty where the answer is a text."""
        ...

    def encode(self, labels: Labels) -> npt.NDArray[Any]:
        """What a loss takes, a row for each sample: see each target. Labels that are not known are -1 or NaN."""
        ...

    def strata(self, labels: Labels) -> IntArray:
        """Which kind of sample each is (n,), for parts that have some of every kind; -1 where the label is unknown."""
        ...


@dataclasses.dataclass(frozen=True)
class ClassTarget:
    """One of several classes; `classes` are in the order of the network's outputs."""

    classes: tuple[str, ...]
    kind: Literal["classify"] = "classify"

    def index(self, name: str) -> int:
        """Output index of a class name."""
        return self.classes.index(name)

    def encode(self, labels: Labels) -> IntArray:
        """Class indices (n,).

        >>> ClassTarget(("ant", "bee")).encode(["bee", None]).tolist()
        [1, -1]
        """
        index = {name: i for i, name in enumerate(self.classes)}
        return np.array([UNKNOWN if s is None else index[str(s)] for s in labels], dtype=np.int64)

    def strata(self, labels: Labels) -> IntArray:
        """The classes."""
        return self.encode(labels)


@dataclasses.dataclass(frozen=True)
class LabelsTarget:
    """Any number of several labels, none of them too."""

    classes: tuple[str, ...]
    kind: Literal["multilabel"] = "multilabel"

    def encode(self, labels: Labels) -> npt.NDArray[np.float32]:
        """Zeros and ones (n, classes).

        >>> LabelsTarget(("news", "sport")).encode([("sport",), ()]).tolist()
        [[0.0, 1.0], [0.0, 0.0]]
        """
        index = {name: i for i, name in enumerate(self.classes)}
        found = np.zeros((len(labels), len(self.classes)), dtype=np.float32)
        for row, label in zip(found, labels, strict=True):
            if label is None:
                row[:] = np.nan
            else:
                row[[index[str(name)] for name in parts_of(label)]] = 1.0
        return found

    def strata(self, labels: Labels) -> IntArray:
        """The rarest label of each sample (as in Sechidis et al. 2011, who deal rare labels first); one more for none.

        >>> LabelsTarget(("a", "b")).strata([("a", "b"), ("a",), ()]).tolist()
        [1, 0, 2]
        """
        return rarest(labels, self.classes)


@dataclasses.dataclass(frozen=True)
class NumberTarget:
    """One or several numbers.

    `centre` and `scale` are the unit that networks work in: mean and standard deviation of all labels. That no loss,
    rate or penalty depends on the user's unit is all they are for, so that they come from the whole data set.
    """

    classes: tuple[str, ...]  # a name for each number
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    kind: Literal["regress"] = "regress"

    @classmethod
    def of(cls, names: Sequence[str], labels: Labels) -> NumberTarget:
        """The target of `labels`; numbers that are all equal have the unit 1."""
        known = np.array([label for label in labels if label is not None], dtype=np.float64)
        spread = known.std(0)
        return cls(tuple(names), tuple(known.mean(0).tolist()), tuple(np.where(spread > 0, spread, 1.0).tolist()))

    def encode(self, labels: Labels) -> npt.NDArray[np.float32]:
        """Numbers (n, k) in units of the network; NaN where unknown.

        >>> NumberTarget(("age",), (40.0,), (10.0,)).encode([(60.0,), None]).tolist()
        [[2.0], [nan]]
        """
        empty = (np.nan,) * len(self.classes)
        rows = np.array([empty if label is None else label for label in labels], dtype=np.float64)
        return ((rows.reshape(len(labels), -1) - self.centre) / self.scale).astype(np.float32)

    def strata(self, labels: Labels) -> IntArray:
        """Tenths of the samples by the first number, or fewer parts of at least five samples.

        >>> NumberTarget(("age",), (0.0,), (1.0,)).strata([(float(i),) for i in (3, 1, 2, 0, 4, 9, 8, 6, 5, 7)])
        array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
        """
        found = np.full(len(labels), UNKNOWN, dtype=np.int64)
        known = np.array([i for i, label in enumerate(labels) if label is not None], dtype=np.int64)
        values = np.array([float(cast("tuple[float, ...]", labels[i])[0]) for i in known])
        bins = max(1, min(_BINS, len(known) // 5))
        rank = np.empty(len(known), dtype=np.int64)
        rank[np.argsort(values, kind="stable")] = np.arange(len(known))
        found[known] = rank * bins // max(1, len(known))
        return found


@dataclasses.dataclass(frozen=True)
class TagTarget:
    """A tag for each word of a text, such as `B-PER`, `I-PER`, `O`."""

    classes: tuple[str, ...]
    kind: Literal["tag"] = "tag"

    def encode(self, labels: Labels) -> IntArray:
        """Tag indices (n, most words), -1 behind the last word of a text.

        >>> TagTarget(("O", "B-X")).encode([("B-X", "O"), ("O",)]).tolist()
        [[1, 0], [0, -1]]
        """
        index = {name: i for i, name in enumerate(self.classes)}
        longest = max((len(parts_of(label)) for label in labels if label is not None), default=0)
        found = np.full((len(labels), longest), UNKNOWN, dtype=np.int64)
        for row, label in zip(found, labels, strict=True):
            tags = [index[str(tag)] for tag in parts_of(label or ())]
            row[: len(tags)] = tags
        return found

    def strata(self, labels: Labels) -> IntArray:
        """The rarest tag of each text."""
        return rarest(labels, self.classes)


@dataclasses.dataclass(frozen=True)
class TextTarget:
    """A text to be written."""

    classes: tuple[str, ...] = ()
    kind: Literal["generate"] = "generate"

    def encode(self, labels: Labels) -> npt.NDArray[Any]:
        """The texts as they are; what is learned of them depends on the tokenizer."""
        return np.array(["" if label is None else str(label) for label in labels], dtype=object)

    def strata(self, labels: Labels) -> IntArray:
        """All of one kind."""
        return np.array([UNKNOWN if label is None else 0 for label in labels], dtype=np.int64)


@dataclasses.dataclass(frozen=True)
class AnomalyTarget:
    """Normal or not: what is normal is learned from normal samples alone.

    `classes` are the label of normal samples and what all other labels are read as. `choosable`: validation holds
    samples of both, so that methods can be chosen by telling them apart; `measurable`: so does what is measured on.
    """

    classes: tuple[str, ...]
    choosable: bool = True
    measurable: bool = True
    kind: Literal["anomaly"] = "anomaly"

    @property
    def normal(self) -> str:
        """The label of normal samples."""
        return self.classes[0]

    def encode(self, labels: Labels) -> IntArray:
        """0 for a normal sample, 1 for an anomaly, -1 where it is not known which (n,).

        >>> AnomalyTarget(("good", "anomaly")).encode(["good", "anomaly", None]).tolist()
        [0, 1, -1]
        """
        return np.array([UNKNOWN if s is None else int(s != self.normal) for s in labels], dtype=np.int64)

    def strata(self, labels: Labels) -> IntArray:
        """Normal samples and anomalies."""
        return self.encode(labels)


OF_NAMES: dict[TaskName, Callable[[tuple[str, ...]], Target]] = {
    "classify": ClassTarget,
    "multilabel": LabelsTarget,
    "tag": TagTarget,
    "generate": TextTarget,
    "anomaly": AnomalyTarget,
}
"""Targets that are made of names alone."""


def rarest(labels: Sequence[Any], classes: Sequence[str]) -> IntArray:
    """Index of the rarest name that each label has; one beyond the last for none, -1 where it is unknown."""
    index = {name: i for i, name in enumerate(classes)}
    held = Counter(str(name) for label in labels for name in set(label or ()))
    rarest = [min(label, key=lambda name: (held[str(name)], str(name))) if label else None for label in labels]
    found = [len(classes) if name is None else index[str(name)] for name in rarest]
    return np.array([UNKNOWN if label is None else i for label, i in zip(labels, found, strict=True)], dtype=np.int64)
