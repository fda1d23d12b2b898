"""A file that holds one recording: its columns are channels, and one of them may be of times; or an array of NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from warmstart.data.schema import Series
from warmstart.data.sources.series.arrays import as_series, read_npy
from warmstart.data.sources.series.columns import Table, read_columns
from warmstart.data.sources.series.recording import Asked, Recording
from warmstart.data.sources.series.roles import find_roles
from warmstart.data.sources.series.stamps import read_stamps
from warmstart.data.sources.series.ucr import divided
from warmstart.data.sources.series.values import as_values, is_number
from warmstart.data.sources.textfile import first_line, read_noted
from warmstart.errors import DataError

TEXTS = (".csv", ".tsv", ".txt")


def read_recording(path: Path, name: str, asked: Asked, notes: list[str]) -> Recording:
    """The recording in a file; `name` is what it is called. An array is (steps,) or (channels, steps).

    Raises:
        DataError: names the file, and the line or row of what is wrong.
    """
    if path.suffix.lower() == ".npy":
        return Recording(name, path.name, as_series(read_npy(path), path.name))
    if width_without_header(path) is not None:
        return Recording(name, path.name, _without_header(path, notes))
    try:
        return recording_of(read_columns(path, notes), name, path, asked, notes)
    except DataError as error:
        if str(path) in error.found or path.name in error.found:
            raise
        raise DataError(f"{path.name}: {error.found}", error.expected, error.do) from error


def width_without_header(path: Path) -> int | None:
    """The columns of a text file of nothing but numbers, by its first line; 0 if it is empty, `None` of all others."""
    if path.suffix.lower() not in TEXTS:
        return None
    cells = divided(first_line(path))
    return len(cells) if all(map(is_number, cells)) else None


def _without_header(path: Path, notes: list[str]) -> Series:
    """The recording of a text file of nothing but numbers, a line for each step."""
    lines = [(n, line) for n, line in enumerate(read_noted(path, notes).splitlines(), start=1) if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty", expected="a line of channel names, and one for each step")
    rows = []
    for number, line in lines:
        rows.append(as_values(divided(line), f"{path.name}: line {number}"))
        if len(rows[-1]) != len(rows[0]):
            raise DataError(
                f"{path.name}: line {number} has {len(rows[-1])} values and the first has {len(rows[0])}",
                expected="as many in every line: a column for each channel",
            )
    return Series(np.stack(rows, 1))


def recording_of(table: Table, name: str, path: Path, asked: Asked, notes: list[str]) -> Recording:
    """The recording that a table is, of the file `path`; `name` is what it is called. Raises `DataError`."""
    roles = find_roles(table, Asked(reading=asked.reading, labelled=False), long=True, notes=notes)
    values = np.stack([table.numbers(column, notes) for (column,) in roles.values])
    if roles.step_time is None:
        return Recording(name, path.name, Series(values, names=roles.names))
    stamps = read_stamps(table.columns[roles.step_time], roles.step_time, notes).of(np.arange(table.rows), path.name)
    series = Series(values, stamps.rate, roles.names, stamps.start)
    return Recording(name, path.name, series, stamps=stamps)
