"""How the user says that series are to be read. The names of the options stand here, and nowhere else.

Nothing heavy is imported: the command line asks for the names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypedDict


class SeriesOptions(TypedDict, total=False):
    """The options of series as keywords of `fit`, `check` and the like; see `Reading`."""

    id_column: str | None
    time_column: str | None
    value_columns: str | None
    rate: float | None
    window: int | str | None
    stride: int | str | None


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the user says of series; `None` is found from the data, or is not done."""

    id_column: str | None = None
    """Column of a table with a row per step that says which series a row belongs to."""
    time_column: str | None = None
    """Column of a table that says when each step was taken; `time` says when a sample was, by which parts are cut."""
    value_columns: str | None = None
    """Columns of the values, with commas between them: channels, or of a table with a row per series its steps."""
    rate: float | None = None
    """Steps per second, where the data does not say it."""
    window: int | str | None = None
    """Steps, or a time such as "2s", of the windows that recordings are cut into."""
    stride: int | str | None = None
    """From the beginning of one window to that of the next, likewise; by default a window's length."""

    @property
    def said(self) -> bool:
        """Whether anything is said: it is said of series alone."""
        return any(getattr(self, name) is not None for name in READING)


READING = tuple(field.name for field in dataclasses.fields(Reading))
"""Names of the options; the same on the command line, in Python and in a run's folder."""
UNSAID = Reading()
"""Nothing is said."""


def reading_of(options: Mapping[str, Any]) -> Reading:
    """The options of series among others.

    >>> reading_of({"size": 3, "window": "2s"}).window
    '2s'
    """
    return Reading(**{name: options.get(name) for name in READING})


def columns_of(options: Mapping[str, Any]) -> dict[str, str | None]:
    """Those of them that name columns."""
    return {name: options.get(name) for name in ("id_column", "time_column", "value_columns")}
