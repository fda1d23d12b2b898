"""Series that are to be forecast, in any form; what is missing is NaN, nothing is filled in here."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.clock import Clock
from warmstart.data.history import FloatArray, Histories, History
from warmstart.data.names import some
from warmstart.data.sources.hub import is_hub
from warmstart.data.sources.longwide import Columns, as_frame, from_frame
from warmstart.data.sources.reading import TABLES, is_table, read_table
from warmstart.errors import DataError, MissingExtraError

TSF = ".tsf"
_TSF_FREQUENCIES = {
    "yearly": "YS",
    "quarterly": "QS",
    "monthly": "MS",
    "weekly": "7D",
    "daily": "D",
    "hourly": "h",
    "half_hourly": "30min",
    "10_minutes": "10min",
    "minutely": "min",
}


def read_histories(
    data: Any,
    *,
    id_column: str | None = None,
    time_column: str | None = None,
    value_column: str | None = None,
) -> Histories:
    """Read series that are to be forecast; every channel of every series is one of its own.

    Args:
        data: a table, long or wide (a file or a DataFrame); a `.tsf` file; an array (steps,), (series, steps) or
            (series, channels, steps); a list of arrays (steps,) or (channels, steps); or `Histories`, as they are.
        id_column: column of a long table that names the series, where its name does not tell.
        time_column: column of the times, likewise. A table without one is in order of time.
        value_column: column of the values; several with commas between them. By default all other columns of numbers.

    Raises:
        DataError: what was found, what was expected, what to do.

    >>> found = read_histories(np.array([[1.0, 2.0, 3.0], [5.0, 6.0, np.nan]]))
    >>> [(one.id, one.values.tolist()) for one in found.every]
    [('series-0', [1.0, 2.0, 3.0]), ('series-1', [5.0, 6.0, nan])]
    """
    if isinstance(data, Histories):
        return data
    columns = Columns(id_column, time_column, value_column)
    if isinstance(data, str | Path):
        path = Path(data)
        if not path.is_file():
            raise DataError(f"there is no file {path}", expected=f"a table ({', '.join(TABLES)}) or a {TSF} file")
        if path.suffix.lower() == TSF:
            return _checked(_of_tsf(path))
        if path.suffix.lower() not in TABLES:
            raise DataError(f"{path} is no table", expected=f"one of {', '.join((*TABLES, TSF))}")
        notes: list[str] = []
        frame = as_frame(*read_table(path, notes))
        return _checked(from_frame(frame, path.stem, notes, columns))
    if is_table(data):
        notes = []
        frame = as_frame(*read_table(data, notes)) if is_hub(data) else data
        return _checked(from_frame(frame, "data", notes, columns))
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
    longest = max(row.shape[-1] for row in rows)
    found = [
        History(name, channel, longest - len(channel))
        for i, row in enumerate(rows)
        for name, channel in _channels(f"series-{i}", np.asarray(row, dtype=np.float64))
    ]
    uneven = len({row.shape[-1] for row in rows}) > 1
    notes = ("the series are of different lengths and without times: they are taken to end together",)
    return Histories(tuple(found), Clock(), notes=notes if uneven else ())


def _channels(name: str, values: FloatArray) -> list[tuple[str, FloatArray]]:
    if values.ndim == 1 or len(values) == 1:
        return [(name, values.reshape(-1))]
    return [(f"{name}/{k}", channel) for k, channel in enumerate(values)]


def _of_tsf(path: Path) -> Histories:
    try:
        from aeon.datasets import load_from_tsf_file
    except ImportError as error:
        raise MissingExtraError("reading .tsf files", "series") from error
    try:
        frame, facts = load_from_tsf_file(str(path))
    except Exception as error:  # the reader of aeon raises bare ones
        raise DataError(f"{path} cannot be read as {TSF}: {error}") from error
    import pandas as pd

    freq = _TSF_FREQUENCIES.get(str(facts.get("frequency") or "").lower(), "")
    values = [np.asarray(row, dtype=np.float64) for row in frame["series_value"]]
    names = [str(name) for name in frame["series_name"]]
    if "start_timestamp" not in frame or not freq:
        longest = max(map(len, values))
        rows = tuple(History(name, row, longest - len(row)) for name, row in zip(names, values, strict=True))
        return Histories(rows, Clock(), path.stem)
    starts = [pd.Timestamp(stamp) for stamp in frame["start_timestamp"]]
    grid = pd.date_range(min(starts), periods=2, freq=freq)
    steps = [len(pd.date_range(grid[0], start, freq=freq)) - 1 for start in starts]
    rows = tuple(History(*one) for one in zip(names, values, steps, strict=True))
    return Histories(rows, Clock(freq, grid[0].isoformat()), path.stem)
