"""What a network that was trained further gained, and what it forgot, as data."""

from __future__ import annotations

import dataclasses

from warmstart.evaluation.difference import Difference
from warmstart.evaluation.interval import Interval


@dataclasses.dataclass(frozen=True)
class Change:
    """The same samples before and after. `difference` is of after against before."""

    samples: int
    before: Interval
    after: Interval
    difference: Difference


@dataclasses.dataclass(frozen=True)
class ClassChange:
    """The share of the samples of a class that are answered right; `known` before, or new."""

    name: str
    known: bool
    samples: int
    before: float
    after: float
    difference: Interval


@dataclasses.dataclass(frozen=True)
class Forgotten:
    """`old` is `None` where no old data say what was forgotten; the classes of both are there of classes alone."""

    metric: str
    new: Change
    old: Change | None
    old_classes: tuple[ClassChange, ...]
    new_classes: tuple[ClassChange, ...]
    added: tuple[str, ...]
    """Classes that the bundle did not know."""
    data: str
    created: str
    rehearsed: int
    """Old samples that were learned from again."""
    rehearsal: float
    """Their share of each batch."""
    l2_sp: float
    drift: float | None
    """1 - CKA of the features of what was measured on, before and after: 0 is no change."""
