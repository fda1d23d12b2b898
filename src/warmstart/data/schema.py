"""The one form that all sources are read into: samples, the target they carry, and a data set of both.

A sample holds *where* its input is (a path, or the object itself), never decoded pixels, so a data set is cheap to
split, subset and hash. What labels are is said by the target (`warmstart.data.targets`).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from warmstart.data.annotations import Annotation
from warmstart.data.targets import ClassTarget, IntArray, Label, Target
from warmstart.data.tasklabels import TaskLabels
from warmstart.display import Table, piece
from warmstart.preprocess.kinds import PLURAL, Kind

__all__ = [
    "PLURAL",
    "ClassTarget",
    "Dataset",
    "IntArray",
    "Kind",
    "Label",
    "Sample",
    "Series",
    "Split",
    "SplitName",
    "Target",
    "Text",
]

SplitName = Literal["train", "val", "test"]


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A text, or the two of a pair, as the source of a sample; a type of its own, for a plain string is a path.

    `words` are those of a text whose words are labelled one by one.
    """

    parts: tuple[str, ...]
    words: tuple[str, ...] = dataclasses.field(default=(), repr=False)

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Text:
        """The text that the words make, with a space between two of them."""
        return cls((" ".join(words),), tuple(words))

    def __str__(self) -> str:
        return "\n".join(self.parts)

    @property
    def empty(self) -> bool:
        """Whether it, or one of the pair, holds nothing but white space."""
        return not all(part.strip() for part in self.parts)


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Series:
    """A time series, or a window of a longer one, as the source of a sample.

    `values` (channels, steps) are of any type of number, NaN where one is missing; a view of a memory-mapped file is
    read when it is needed, and only then. `rate` is in steps per second, `None` where it is not known; `names` are
    those of the channels, where they have any; `start` is when its first step was taken, in seconds since 1970 or in
    any unit of the user's, where that is known.
    """

    values: npt.NDArray[Any]
    rate: float | None = None
    names: tuple[str, ...] = ()
    start: float | None = None

    @property
    def channels(self) -> int:
        """How many values a step has."""
        return int(self.values.shape[0])

    @property
    def steps(self) -> int:
        """How long it is."""
        return int(self.values.shape[1])


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One example. `source` is a file path, an image or array (H, W[, C]) in memory, a `Text` or a `Series`.

    `id` is stable and unique in its data set (the path relative to the root, or `row-17`). `label` is `None` where
    unknown. `group` is a patient, site or device that must not be divided over splits. `split` is what the user's
    layout says. `time` is when it was taken, in any unit that orders it among the others.
    """

    id: str
    source: Any
    label: Label | None = None
    group: str | None = None
    split: SplitName | None = None
    time: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names in its label, each once: a class, labels, kinds of tags; none of numbers and texts to be written.

        >>> Sample("a", "a.png", ("red", "round")).names
        ('red', 'round')
        """
        label = self.label.names if isinstance(self.label, Annotation | TaskLabels) else self.label or ()
        label = (label,) if isinstance(label, str) else label
        return tuple(dict.fromkeys(name for name in label if isinstance(name, str)))


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Samples with one target. `notes` are decisions taken while reading, to be told to the user once."""

    samples: tuple[Sample, ...]
    target: Target
    name: str = "data"
    root: Path | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def labels(self) -> IntArray:
        """Class index of every sample, -1 where the label is unknown; shape (n,). Asked of classes alone."""
        assert isinstance(self.target, ClassTarget), "asked of classes alone"
        return self.target.encode([s.label for s in self.samples])

    @property
    def targets(self) -> npt.NDArray[Any]:
        """What a loss takes of every sample, (n, ...); see the target."""
        return self.target.encode([s.label for s in self.samples])

    @property
    def strata(self) -> IntArray:
        """Which kind of sample each is (n,), for parts that have some of every kind; -1 where the label is unknown."""
        return self.target.strata([s.label for s in self.samples])

    @property
    def counts(self) -> dict[str, int]:
        """Samples per class, in class order; of labels and tags, samples that have any of the kind."""
        counter = Counter(name for sample in self.samples for name in sample.names)
        return {name: counter.get(name, 0) for name in self.target.classes}

    @property
    def kind(self) -> Kind:
        """What the samples are; also the word for one of them."""
        for sample in self.samples:
            if isinstance(sample.source, (Text, Series)):
                return "text" if isinstance(sample.source, Text) else "series"
        return "image"

    def _repr_html_(self) -> str:
        counts = sorted(self.counts.items(), key=lambda item: -item[1])
        facts = {"samples": len(self), "task": self.target.kind, "folder": self.root, "notes": "; ".join(self.notes)}
        rows = [(sample.id, sample.label) for sample in self.samples[:3]]
        tables = [Table(("class", "samples"), counts), Table(("first ones", "label"), rows)]
        return piece(f"{self.name}: {self.kind}s", facts=facts, tables=[table for table in tables if table.rows])

    def subset(self, indices: Sequence[int] | IntArray) -> Dataset:
        """The same target with only the samples at `indices`, in that order."""
        return dataclasses.replace(self, samples=tuple(self.samples[int(i)] for i in indices))


@dataclasses.dataclass(frozen=True)
class Split:
    """Train, validation and test parts of one data set, as indices into it; disjoint; test may be empty.

    `unlabelled` are samples of no part, whose labels are not known: further pretraining learns from them too.
    """

    train: IntArray
    val: IntArray
    test: IntArray
    how: str  # one sentence: "given by folders", "stratified, seed 0, 20 % validation, 20 % test", ...
    notes: tuple[str, ...] = ()
    unlabelled: Sequence[int] | IntArray = ()
