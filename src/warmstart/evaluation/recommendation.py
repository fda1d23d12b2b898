"""The facts of one `recommend`, as data: what its `results.json` holds and its page draws. Only JSON-able values.

Everything is said of training and validation samples. The test part stays closed.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import Difference, Rung
from warmstart.preprocess.kinds import Kind


@dataclasses.dataclass(frozen=True)
class Probed:
    """A backbone in one round of the halving."""

    samples: int  # training samples, of which each was left out once
    size: int  # input side, pixels; or tokens
    accuracy: dict[str, Interval]  # by head: "knn", "ridge"

    @property
    def best(self) -> Interval:
        """Of the better head."""
        return max(self.accuracy.values(), key=lambda interval: interval.value)


@dataclasses.dataclass(frozen=True)
class Ranked:
    """One backbone that was looked at."""

    backbone: str  # as the user calls it
    name: str  # what it stands for
    architecture: str
    licence: str
    trained_on: str
    parameters: int
    size: int  # input side it is meant to be used at, pixels; or tokens
    gflops: float  # 1e9 operations for one image of that size; of texts for one of their mean length
    seconds_per_sample: float  # from its file to its features, here
    prior: float  # accuracy on ImageNet-1k in per cent, or what is put in its place
    prior_basis: str  # "published", "architecture", "size", "unrated", "none"
    rounds: tuple[Probed, ...]  # those it took part in
    transferability: dict[str, Interval] = dataclasses.field(default_factory=dict)  # by measure, in the first round
    unavailable: dict[str, str] = dataclasses.field(default_factory=dict)  # the other measures, and why


@dataclasses.dataclass(frozen=True)
class Tuned:
    """A finalist, with the methods that were tried on it and measured on validation."""

    backbone: str
    rungs: tuple[Rung, ...]
    method: str  # name of the rung that validation chose
    value: Interval  # the primary metric of that on validation
    gain: Difference | None  # of that over the probe; None if it is the probe
    seconds: float


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """A backbone that the prior puts above all that are here, and whose weights are not on this machine."""

    backbone: str
    prior: float
    prior_basis: str
    parameters: int
    gflops: float  # 1e9 operations for one sample of the size it is used at
    licence: str
    how: str  # to get the weights


@dataclasses.dataclass(frozen=True)
class Recommendation:
    """Everything a user may want to know of one `recommend`."""

    data: str
    kind: Kind  # what the samples are
    classes: tuple[str, ...]
    split: dict[str, Any]  # {"train": n, "val": n, "test": n, "how": "..."}
    audit: dict[str, Any]  # `Audit.to_dict()`
    metric: str  # primary metric
    candidates: tuple[Ranked, ...]  # the best first, as halving and tuning left them
    left_out: dict[str, str]  # backbones that were not looked at, and why
    elsewhere: tuple[Elsewhere, ...]
    tuned: tuple[Tuned, ...]  # at most two; empty where there was no time
    difference: Difference | None  # of the chosen finalist and the other, on the same validation samples
    measures: dict[str, tuple[str, str]]  # of transferability: what each is called, and the paper
    agreement: dict[str, float]  # of each measure of transferability with the probes: rank correlation over candidates
    backbone: str
    method: str
    recipe: str  # as YAML
    why: str  # two sentences
    decisions: tuple[str, ...]
    seconds: float
    budget: float
    seed: int
    environment: dict[str, Any]
    command: str  # how to repeat this
    next_command: str  # how to go on

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return dataclasses.asdict(self)
