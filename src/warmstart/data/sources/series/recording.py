"""A series as it is stored, before its label is understood; and how the user says that series are to be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import Sample, Series, SplitName
from warmstart.data.sources.series.stamps import Clock
from warmstart.data.targets import TaskName


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the user says of series; `None` is found from the data, or is not done."""

    id_column: str | None = None
    """Column of a long table that says which series a row belongs to."""
    time_column: str | None = None
    """Column of a table that says when each step was taken."""
    value_columns: str | None = None
    """Columns of the values, with commas between them: channels, or of a table with a row per series its steps."""
    rate: float | None = None
    """Steps per second."""
    window: int | str | None = None
    """Steps, or a time such as "2s", of the windows that recordings are cut into."""
    stride: int | str | None = None
    """Between the beginnings of two windows, likewise; by default a window's length."""

    @property
    def said(self) -> bool:
        """Whether anything is said: it is said of series alone."""
        return any(getattr(self, field.name) is not None for field in dataclasses.fields(self))

    @property
    def columns(self) -> bool:
        """Whether a column is named."""
        return any((self.id_column, self.time_column, self.value_columns))


UNSAID = Reading()
"""Nothing is said."""
READING = tuple(field.name for field in dataclasses.fields(Reading))
"""Names of the options; the same on the command line, in Python and in a run's folder."""


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
    stamps: npt.NDArray[np.float64] | None = None
    """When each step was taken (steps,), as `Series.start` has it."""
    clock: Clock | None = None
    """What these say."""
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
