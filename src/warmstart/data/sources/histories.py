"""Series that are to be forecast, in any form; what is missing is NaN, nothing is filled in here."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.clock import Clock, clock_of
from warmstart.data.history import FloatArray, Histories, History
from warmstart.data.names import some
from warmstart.data.seriesreading import Reading
from warmstart.data.sources.reading import TABLES, is_table
from warmstart.data.sources.series.columns import read_columns
from warmstart.data.sources.series.recording import Asked
from warmstart.data.sources.series.roles import find_roles
from warmstart.data.sources.series.table import read_long
from warmstart.data.sources.series.tsf import read_tsf
from warmstart.errors import DataError

TSF = ".tsf"
_DAY = 86400.0
_CALENDAR = {"MS": 365.25 * _DAY / 12, "QS": 365.25 * _DAY / 4, "YS": 365.25 * _DAY}
"""Aliases of steps that are as long as the calendar has them, with their mean length in seconds."""


def read_histories(
    data: Any,
    *,
    id_column: str | None = None,
    time_column: str | None = None,
    value_columns: str | None = None,
) -> Histories:
    """Read series that are to be forecast; every channel of every series is one of its own.

    Args:
        data: a table, long or wide (a file or a DataFrame); a `.tsf` file; an array (steps,), (series, steps) or
            (series, channels, steps); a list of arrays (steps,) or (channels, steps); or `Histories`, as they are.
        id_column: column of a long table that names the series, where its name does not tell.
        time_column: column of the times, likewise. The rows of a series are in order of time, also without one.
        value_columns: the columns of values, with commas between them; by default all other columns of numbers.

    Raises:
        DataError: what was found, what was expected, what to do.

    >>> found = read_histories(np.array([[1.0, 2.0, 3.0], [5.0, 6.0, np.nan]]))
    >>> [(one.id, one.values.tolist()) for one in found.every]
    [('series-0', [1.0, 2.0, 3.0]), ('series-1', [5.0, 6.0, nan])]
    """
    if isinstance(data, Histories):
        return data
    asked = Asked(task="forecast", reading=Reading(id_column, time_column, value_columns), labelled=False)
    if isinstance(data, str | Path):
        path = Path(data)
        if not path.is_file():
            raise DataError(f"there is no file {path}", expected=f"a table ({', '.join(TABLES)}) or a {TSF} file")
        if path.suffix.lower() == TSF:
            return _checked(_of_tsf(path))
        if path.suffix.lower() not in TABLES:
            raise DataError(f"{path} is no table", expected=f"one of {', '.join((*TABLES, TSF))}")
        return _checked(_of_table(path, path.stem, asked))
    if is_table(data):
        return _checked(_of_table(data, "data", asked))
    return _checked(_of_arrays(data))


def _checked(found: Histories) -> Histories:
    """Raise `DataError` for series that occur twice, or if there is nothing."""
    if not found.every or not any(np.isfinite(one.values).any() for one in found.every):
        raise DataError("there is no series with a value", expected="numbers in order of time")
    every = tuple(
        dataclasses.replace(one, values=np.where(np.isfinite(one.values), one.values, np.nan)) for one in found.every
    )
    ids = [one.id for one in every]
    if twice := sorted({name for name in ids if ids.count(name) > 1} if len(set(ids)) < len(ids) else ()):
        raise DataError(f"{len(twice)} series occur more than once: {some(twice)}", expected="a name for each")
    missing = sum(int(np.isnan(one.values).sum()) for one in every)
    total = sum(len(one.values) for one in every)
    notes = [*found.notes]
    if missing:
        notes.append(f"{missing} of {total} values are missing: those to be forecast are not counted in any error")
    return dataclasses.replace(found, every=every, notes=tuple(notes))


def _of_table(source: Any, name: str, asked: Asked) -> Histories:
    """Of a table with a row for each step: each column of values of each series that a column of ids tells apart."""
    notes: list[str] = []
    table = read_columns(source, notes)
    roles = find_roles(table, asked, long=True, notes=notes)
    recordings = read_long(table, roles, asked, notes).found
    stamps = [one.stamps.instants if one.stamps else np.arange(one.series.steps) for one in recordings]
    clock, places = (Clock(), stamps) if roles.step_time is None else clock_of(stamps)
    found, gaps = [], 0
    for one, steps in zip(recordings, places, strict=True):
        first, length = int(steps[0]), int(steps[-1] - steps[0]) + 1
        gaps += length - len(steps)
        for column, values in zip(roles.names, one.series.values, strict=True):
            row = np.full(length, np.nan)
            row[steps - first] = values
            own = column if roles.id is None else one.id if len(roles.names) == 1 else f"{one.id}/{column}"
            found.append(History(own, row, first))
    if gaps:
        notes.append(f"{gaps} step(s) have no row and are missing")
    if len({one.end for one in found}) > 1:
        notes.append("the series end at different times: all are divided at the same instants")
    return Histories(tuple(found), clock, name, tuple(notes))


def _of_arrays(data: Any) -> Histories:
    if isinstance(data, np.ndarray) and data.dtype != object:
        rows = [data] if data.ndim == 1 else list(data) if data.ndim in (2, 3) else []
    else:
        rows = [np.asarray(one) for one in data] if isinstance(data, list | tuple | np.ndarray) else []
    if not rows or any(row.ndim not in (1, 2) or not np.issubdtype(row.dtype, np.number) for row in rows):
        raise DataError(
            f"data of type {type(data).__name__}",
            expected="a table, a .tsf file, or numbers (steps,), (series, steps) or (series, channels, steps)",
        )
    named = [pair for i, row in enumerate(rows) for pair in _channels(f"series-{i}", np.asarray(row, dtype=np.float64))]
    return _together(named, "data", [])


def _channels(name: str, values: FloatArray) -> list[tuple[str, FloatArray]]:
    if values.ndim == 1 or len(values) == 1:
        return [(name, values.reshape(-1))]
    return [(f"{name}/{k}", channel) for k, channel in enumerate(values)]


def _of_tsf(path: Path) -> Histories:
    """Of a file of the Monash archive; without starts, series are taken to end together."""
    notes: list[str] = []
    found = read_tsf(path, notes).found
    rows = [(one.id, np.asarray(one.series.values[0], dtype=np.float64)) for one in found]
    starts, rate = [one.series.start for one in found], found[0].series.rate
    begun = [start for start in starts if start is not None]
    if rate is None or len(begun) < len(starts):
        return _together(rows, path.stem, notes)
    import pandas as pd

    freq = next((alias for alias, step in _CALENDAR.items() if abs(step * rate - 1) < 1e-6), f"{round(1e3 / rate)}ms")
    stamps = [pd.Timestamp(start, unit="s") for start in begun]
    offset = pd.tseries.frequencies.to_offset(freq)
    stamps = [offset.rollback(stamp) for stamp in stamps] if freq in _CALENDAR else stamps
    first = min(stamps)
    if freq in _CALENDAR:
        steps = [len(pd.date_range(first, stamp, freq=freq)) - 1 for stamp in stamps]
    else:
        steps = [round((stamp - first).total_seconds() * rate) for stamp in stamps]
    every = tuple(History(name, row, step) for (name, row), step in zip(rows, steps, strict=True))
    return Histories(every, Clock(freq, first.isoformat()), path.stem, tuple(notes))


def _together(rows: list[tuple[str, FloatArray]], name: str, notes: list[str]) -> Histories:
    longest = max(len(row) for _, row in rows)
    if any(len(row) < longest for _, row in rows):
        notes.append("the series are of different lengths and without times: they are taken to end together")
    every = tuple(History(own, row, longest - len(row)) for own, row in rows)
    return Histories(every, Clock(), name, tuple(notes))
