"""A series as it is stored, before its label is understood."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from warmstart.data.schema import Sample, Series, SplitName
from warmstart.data.seriesreading import UNSAID, Reading
from warmstart.data.sources.series.stamps import Stamps
from warmstart.data.targets import TaskName


@dataclasses.dataclass(frozen=True)
class Recording:
    """One series as it is stored, and the cells that say something of it."""

    id: str
    place: str
    """For errors: "row 3", "walk.csv"."""
    series: Series
    labels: tuple[Any, ...] = ()
    """A cell for each column of labels; none where the form has no labels."""
    step_labels: Sequence[str] | None = None
    """Of each step (steps,), where labels change within a recording; empty where a step has none."""
    stamps: Stamps | None = None
    """When each step was taken (steps,), as `Series.start` has it."""
    group: str | None = None
    split: SplitName | None = None
    time: float | None = None


@dataclasses.dataclass(frozen=True)
class Recordings:
    """All series of one source."""

    found: list[Recording]
    label_names: tuple[str, ...] = ("label",)
    task: TaskName | None = None
    """What the form itself says that its labels pose."""
    padded: bool = True
    """Whether short series may be filled with missing values at their end, as a table with a row for each makes it."""
    lost: tuple[Sample, ...] = ()
    """Files that cannot be read, as samples whose source is the path."""
    horizon: int | None = None
    """Steps that are to be forecast, where the form says it."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the user says of the samples, as `warmstart.data.sources.load` has it."""

    label_column: str | None = None
    group: Any = None
    time: Any = None
    task: TaskName | None = None
    reading: Reading = UNSAID
    labelled: bool = True
    """Whether labels are wanted."""
