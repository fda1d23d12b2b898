"""The facts of one `similarity`, as data: what its `results.json` holds and its report draws. Only JSON-able values."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from warmstart.evaluation.interval import Interval

Strength = Literal["none shown", "slight", "moderate", "strong"]
"""How far apart two sets are, by how often a linear classifier is right about where a sample is from."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One measure between A and B. Where `refused` says why the samples do not support it, there is no number.

    `halves` is the measure between random halves of A and of B, and `baseline` the same between two random halves of
    A (mean, and the range of 95 % of the draws): what no shift looks like at that number of samples. Many measures are
    larger the fewer the samples, so `baseline` is to be held against `halves`, not against `interval`.
    """

    name: str  # "frechet"
    title: str  # "Fréchet distance"
    how: str  # definition, features, source; how the interval was made
    interval: Interval | None = None
    baseline: Interval | None = None
    halves: float | None = None
    p: float | None = None  # of a permutation test, where the measure has one
    reading: str = ""
    refused: str = ""


@dataclasses.dataclass(frozen=True)
class BlockRow:
    """How far apart A and B are in the activations of one block."""

    name: str
    mmd: Interval  # unbiased squared MMD, RBF kernel with the median heuristic
    baseline: Interval  # the same between two halves of A
    cka: float | None  # linear CKA of the covariances; `None` where a set hardly varies


@dataclasses.dataclass(frozen=True)
class Similarity:
    """Everything that features alone say of two sets."""

    samples: tuple[int, int]  # of A, of B
    measures: tuple[Measurement, ...]
    strength: Strength
    verdict: str  # a few sentences a person can act on
    blocks: tuple[BlockRow, ...] = ()  # from the input upwards

    def measure(self, name: str) -> Measurement:
        """The measure of that name. Raises `KeyError` if there is none."""
        return {m.name: m for m in self.measures}[name]


@dataclasses.dataclass(frozen=True)
class ComparedSet:
    """One of the two data sets."""

    name: str
    samples: int  # in the data
    used: int  # drawn, and readable
    unreadable: tuple[str, ...]  # ids of samples that were drawn and cannot be read
    classes: tuple[str, ...]  # empty where it was read without labels


@dataclasses.dataclass(frozen=True)
class SimilarityOutcome:
    """Everything a user may want to know of one `similarity`."""

    a: ComparedSet
    b: ComparedSet
    found: Similarity
    seed: int
    backbone: dict[str, Any]  # BackboneCard.to_dict()
    preprocess: dict[str, Any]  # PreprocessSpec.to_dict(), the same for both
    decisions: tuple[str, ...]
    seconds: float
    environment: dict[str, Any]
    command: str  # how to repeat this

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return dataclasses.asdict(self)
