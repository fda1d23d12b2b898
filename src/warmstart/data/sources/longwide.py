"""Tables of series that are to be forecast.

A *long* table has a row for each series and time, with a column that names the series; a *wide* one a row for each time
and a column for each series. What has no row is missing (NaN).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from warmstart.data.clock import Clock, clock_of
from warmstart.data.history import FloatArray, Histories, History
from warmstart.data.names import some
from warmstart.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_IDS = ("unique_id", "item_id", "series_id", "series", "id", "sensor", "station", "store")
_TIMES = ("ds", "timestamp", "time", "date", "datetime", "month", "week", "day", "year", "period")


@dataclasses.dataclass(frozen=True)
class Columns:
    """Columns by name, where their names do not tell; several of values with commas between them."""

    ids: str | None = None
    times: str | None = None
    values: str | None = None


def as_frame(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """A table as pandas has it."""
    import pandas as pd

    return pd.DataFrame([list(row) for row in rows], columns=list(header))


def from_frame(frame: pd.DataFrame, name: str, notes: list[str], columns: Columns) -> Histories:
    """The series of a table; `notes` gets what had to be found out.

    Raises:
        DataError: a column that is named is not there, a cell is no number or time, a series has two rows of one time.
    """
    header = [str(column) for column in frame.columns]
    frame = frame.set_axis(header, axis=1)
    time, by, values = _found(frame, columns)
    if time is None:
        notes.append("no column of times is found: rows are taken as they come, one step apart")
    parts = [("", frame)] if by is None else [(str(key), part) for key, part in frame.groupby(by, sort=False)]
    parts, stamps = _in_order(parts, time, notes)
    for (key, _), each in zip(parts, stamps, strict=True):
        again = each[1:][each[1:] == each[:-1]]
        if len(again):
            raise DataError(
                f"{f'series {key!r}' if key else 'the table'} has more than one row at {again[0]}",
                expected="one row for each time" + ("" if by else "; in a long table a column names the series"),
                do="name that column, or take the rows together first",
            )
    clock, places = clock_of(stamps) if time else (Clock(), [each.astype(np.int64) for each in stamps])
    found, gaps = [], 0
    for (key, part), steps in zip(parts, places, strict=True):
        first = int(steps[0])
        gaps += int(steps[-1]) - first + 1 - len(steps)
        for column in values:
            row = np.full(int(steps[-1]) - first + 1, np.nan)
            row[steps - first] = _numbers(part[column], column)
            own = key if by and len(values) == 1 else f"{key}/{column}" if by else column
            found.append(History(own, row, first))
    if gaps:
        notes.append(f"{gaps} step(s) have no row and are missing")
    if len({one.end for one in found}) > 1:
        notes.append("the series end at different times: all are divided at the same instants")
    return Histories(tuple(found), clock, name, tuple(notes))


def _found(frame: pd.DataFrame, columns: Columns) -> tuple[str | None, str | None, list[str]]:
    """The columns of times, of names and of values."""
    header = list(frame.columns)
    values = [part.strip() for part in columns.values.split(",")] if columns.values else []
    named = [column for column in (columns.ids, columns.times, *values) if column]
    if unknown := [column for column in named if column not in header]:
        raise DataError(f"there is no column {some(unknown)}", expected=f"some of {some(header, 12)}")
    time = columns.times or _guess(header, _TIMES, without=(columns.ids, *values))
    by = columns.ids or _guess(header, _IDS, without=(time, *values))
    if by is not None and columns.ids is None and frame[by].is_unique:
        by = None  # a number for each row names no series
    values = values or [c for c in header if c not in (time, by) and _numeric(frame[c])]
    if not values:
        raise DataError("the table has no column of numbers to forecast", expected=f"some among {some(header, 12)}")
    return time, by, values


def _in_order(
    parts: list[tuple[str, pd.DataFrame]], time: str | None, notes: list[str]
) -> tuple[list[tuple[str, pd.DataFrame]], list[npt.NDArray[Any]]]:
    """The rows of each series in order of time, and their times."""
    stamps = [_stamps(part[time], key, notes) if time else np.arange(len(part)) for key, part in parts]
    orders = [np.argsort(each, kind="stable") for each in stamps]
    if any((np.diff(order) != 1).any() for order in orders):
        notes.append(f"rows are not in order of {time!r}: they are read in that order")
    sorted_parts = [(key, part.iloc[order]) for (key, part), order in zip(parts, orders, strict=True)]
    return sorted_parts, [each[order] for each, order in zip(stamps, orders, strict=True)]


def _guess(header: Sequence[str], known: Sequence[str], without: Sequence[str | None]) -> str | None:
    lower = {column.strip().lower(): column for column in header if column not in without}
    return next((lower[name] for name in known if name in lower), None)


def _numeric(column: Any) -> bool:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        return False
    found = pd.to_numeric(column, errors="coerce")
    there = column.notna() & (column.astype(str).str.strip() != "")
    return bool(there.any()) and bool(found[there].notna().all())


def _numbers(column: Any, name: str) -> FloatArray:
    import pandas as pd

    text = column.where(column.astype(str).str.strip() != "")
    found = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    if bool((np.isnan(found) & text.notna().to_numpy()).any()):
        bad = text[np.isnan(found) & text.notna().to_numpy()].iloc[0]
        raise DataError(f"the column {name!r} holds {bad!r}", expected="numbers; an empty cell where one is missing")
    return np.asarray(np.where(np.isfinite(found), found, np.nan))


def _stamps(column: Any, key: str, notes: list[str]) -> npt.NDArray[Any]:
    """Times as `datetime64`, or as numbers where they are numbers."""
    import pandas as pd

    if _numeric(column):
        return np.asarray(pd.to_numeric(column), dtype=np.float64)
    try:
        found = pd.to_datetime(column, utc=False, format="ISO8601" if column.dtype == object else None)
    except (ValueError, TypeError):
        found = pd.to_datetime(column, errors="coerce", format="mixed")
    if bool(found.isna().any()):
        bad = column[found.isna()].iloc[0]
        raise DataError(
            f"the time {bad!r}{f' of series {key!r}' if key else ''} cannot be read",
            expected="dates such as 2024-01-31, or 2024-01-31 13:00, or numbers",
        )
    if getattr(found.dt, "tz", None) is not None:
        found = found.dt.tz_convert("UTC").dt.tz_localize(None)
        if (said := "times are read as UTC") not in notes:
            notes.append(said)
    return np.asarray(found.to_numpy())
