"""The one form that all sources are read into: samples, the target they carry, and a data set of both.

A sample holds *where* its input is (a path, or the object itself), never decoded pixels, so a data set is cheap to
split, subset and hash. Labels are names; indices exist only inside a `ClassTarget`, and are mapped by name wherever
two sets meet.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

SplitName = Literal["train", "val", "test"]
Kind = Literal["image", "text"]
IntArray = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class ClassTarget:
    """A single-label classification target: the class names, in the order of the network's outputs."""

    classes: tuple[str, ...]
    kind: Literal["classify"] = "classify"

    def index(self, name: str) -> int:
        """Output index of a class name."""
        return self.classes.index(name)


@dataclasses.dataclass(frozen=True)
class Text:
    """A text, or the two of a pair, as the source of a sample; a type of its own, for a plain string is a path."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.parts)

    @property
    def empty(self) -> bool:
        """Whether it, or one of the pair, holds nothing but white space."""
        return not all(part.strip() for part in self.parts)


@dataclasses.dataclass(frozen=True)
class Sample:
    """One example. `source` is a file path, an in-memory PIL image or array (H, W[, C]), or a `Text`.

    `id` is stable and unique in its data set (the path relative to the root, or `row-17`). `label` is `None` where
    unknown. `group` is a patient, site or device that must not be divided over splits. `split` is what the user's
    layout says. `time` is when it was taken, in any unit that orders it among the others.
    """

    id: str
    source: Any
    label: str | None = None
    group: str | None = None
    split: SplitName | None = None
    time: float | None = None


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Samples with one target. `notes` are decisions taken while reading, to be told to the user once."""

    samples: tuple[Sample, ...]
    target: ClassTarget
    name: str = "data"
    root: Path | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def labels(self) -> IntArray:
        """Class index of every sample, -1 where the label is unknown; shape (n,)."""
        index = {name: i for i, name in enumerate(self.target.classes)}
        return np.array([-1 if s.label is None else index[s.label] for s in self.samples], dtype=np.int64)

    @property
    def counts(self) -> dict[str, int]:
        """Samples per class, in class order."""
        counter = Counter(s.label for s in self.samples)
        return {name: counter.get(name, 0) for name in self.target.classes}

    @property
    def kind(self) -> Kind:
        """What the samples are; also the word for one of them."""
        return "text" if any(isinstance(sample.source, Text) for sample in self.samples) else "image"

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
