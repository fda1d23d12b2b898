"""Tables of series: *wide*, with a row for each series and a column for each step, or a list of numbers in one cell;
*long*, with a row for each step.

A long table has a column of times, or one of ids that repeat. The rows of a series stand in order of time: they may be
among those of others, but are never sorted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from warmstart.data.names import PARTS, clean, some
from warmstart.data.schema import Series, SplitName
from warmstart.data.sources.labels import as_text
from warmstart.data.sources.series.arrays import as_series
from warmstart.data.sources.series.columns import Table, of_lists, read_columns
from warmstart.data.sources.series.recording import Recording, Recordings
from warmstart.data.sources.series.roles import Roles, find_id, find_roles, is_long
from warmstart.data.sources.series.stamps import read_stamps
from warmstart.data.sources.times import as_times
from warmstart.errors import DataError

if TYPE_CHECKING:
    from warmstart.data.sources.series.recording import Asked
    from warmstart.data.targets import IntArray


def read_series_table(source: Any, asked: Asked, notes: list[str]) -> Recordings:
    """The series of a table, wide or long.

    Raises:
        DataError: names the row (1 is the first below the header) and the column of what does not fit.
    """
    table = read_columns(source, notes)
    if lists := _columns_of_lists(table, asked):
        return _lists(table, lists, asked, notes)
    ids = find_id(table, asked)
    repeats = ids is not None and len(set(table.texts(ids))) < table.rows
    long = is_long(table.header, asked.reading, repeats)
    roles = find_roles(table, asked, long=long, notes=notes)
    return read_long(table, roles, asked, notes) if long else _wide(table, roles, notes)


def _columns_of_lists(table: Table, asked: Asked) -> list[str]:
    """The columns whose cells are whole series: those that are named, else all there are."""
    chosen = asked.reading.value_columns
    wanted = [n.strip() for n in chosen.split(",")] if chosen else [n for n in table.header if n != asked.label_column]
    return [name for name in wanted if name in table.columns and of_lists(table.columns[name])]


def _lists(table: Table, lists: Sequence[str], asked: Asked, notes: list[str]) -> Recordings:
    """A series in each row: a list of numbers, a list of them for each channel, or a column for each channel."""
    plain = Table({name: np.zeros(table.rows) if name in lists else c for name, c in table.columns.items()}, table.rows)
    reading = dataclasses.replace(asked.reading, value_columns=",".join(lists))
    roles = find_roles(plain, dataclasses.replace(asked, reading=reading), long=False, notes=notes)
    channels = [[as_series(cell, f"row {row}") for row, cell in enumerate(table.columns[n], 1)] for n in lists]
    whole = []
    for row, parts in enumerate(zip(*channels, strict=True), start=1):
        if len({part.steps for part in parts}) > 1:
            raise DataError(f"row {row}: {', '.join(lists)} have different numbers of steps", "channels of one length")
        names = tuple(lists) if len(lists) > 1 else ()
        whole.append(Series(np.concatenate([part.values for part in parts]), names=names))
    return _one_in_each_row(table, whole, roles, notes)


def _wide(table: Table, roles: Roles, notes: list[str]) -> Recordings:
    values = np.stack([np.stack([table.numbers(n, notes) for n in run], 1) for run in roles.values], 1)
    return _one_in_each_row(table, [Series(row, names=roles.names) for row in values], roles, notes)


def _one_in_each_row(table: Table, series: Sequence[Series], roles: Roles, notes: list[str]) -> Recordings:
    ids = table.texts(roles.id) if roles.id else []
    names = ids if len(set(ids)) == table.rows else [f"row-{row}" for row in range(1, table.rows + 1)]
    cells = [table.columns[name] for name in roles.labels]
    beside = _beside(table, roles, notes)
    found = [
        Recording(
            names[row], f"row {row + 1}", series[row], tuple(c[row] for c in cells),
            **{what: column[row] for what, column in beside.items()},
        )
        for row in range(table.rows)
    ]  # fmt: skip
    return Recordings(found, roles.labels)


def read_long(table: Table, roles: Roles, asked: Asked, notes: list[str]) -> Recordings:
    """The series of a table with a row for each step.

    Raises:
        DataError: names the row of what does not fit: a time that goes back or occurs twice, no number, no id.
    """
    values = np.stack([table.numbers(name, notes) for (name,) in roles.values], 1)
    stamps = None if roles.step_time is None else read_stamps(table.columns[roles.step_time], roles.step_time, notes)
    if stamps is None:
        notes.append("there is no column of times: the steps of a series are taken in the order of the rows")
    beside = _beside(table, roles, notes)
    found = []
    for name, rows in _rows_of_each(table, roles):
        place = "the table" if roles.id is None else f"series {name!r}"
        own = None if stamps is None else stamps.of(rows, place)
        one = _one(name, table, roles, rows, windowed=asked.reading.window is not None)
        series = Series(
            values[rows[0] : rows[-1] + 1].T if rows[-1] - rows[0] + 1 == len(rows) else values[rows].T,
            own.rate if own else None,
            roles.names,
            own.start if own else None,
        )
        constant = {what: _of_all(column, rows, name, what) for what, column in beside.items()}
        found.append(Recording(name, place, series, one[0], one[1], own, **constant))
    return Recordings(found, roles.labels, padded=False)


def _rows_of_each(table: Table, roles: Roles) -> list[tuple[str, IntArray]]:
    """(id, its rows in their order) of each series, in order of the first rows; one series where there are no ids."""
    if roles.id is None:
        return [("series", np.arange(table.rows))]
    texts = table.texts(roles.id)
    if "" in texts:
        raise DataError(f"row {texts.index('') + 1}: the column {roles.id!r} is empty", expected="an id in every row")
    number = {name: i for i, name in enumerate(dict.fromkeys(texts))}
    codes = np.array([number[text] for text in texts])
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(number) + 1))
    return [(clean(name), order[bounds[i] : bounds[i + 1]]) for name, i in number.items()]


def _one(
    name: str, table: Table, roles: Roles, rows: IntArray, *, windowed: bool
) -> tuple[tuple[Any, ...], Sequence[str] | None]:
    """(labels of a series, labels of its steps where they change and it is to be cut into windows)."""
    cells = [table.columns[column][rows] for column in roles.labels]
    texts = [[as_text(cell) for cell in column] for column in cells]
    changing = [i for i, column in enumerate(texts) if len(set(column)) > 1]
    if not changing:
        return tuple(column[0] for column in cells), None
    if windowed and len(cells) == 1:
        return (None,), texts[0]
    at = next(i for i, text in enumerate(texts[changing[0]]) if text != texts[changing[0]][0])
    column = texts[changing[0]]
    raise DataError(
        f"row {rows[at] + 1}: the label of series {name!r} changes from {column[0]!r} to {column[at]!r}",
        expected="one label for each series",
        do="cut series into windows with window (--window), of which each has a label; or name the column of the ids "
        "with id_column (--id-column)",
    )


def _beside(table: Table, roles: Roles, notes: list[str]) -> dict[str, Sequence[Any]]:
    """`group`, `split` and `time` of each row, as far as there are columns for them."""
    found: dict[str, Sequence[Any]] = {}
    if roles.group is not None:
        found["group"] = [text or None for text in table.texts(roles.group)]
    if roles.split is not None:
        parts: list[SplitName] = [PARTS[text.lower()] for text in table.texts(roles.split)]
        found["split"] = parts
    if roles.time is not None:
        column = table.columns[roles.time]
        dated = column.dtype.kind == "M"
        found["time"] = (
            read_stamps(column, roles.time, notes).at.tolist() if dated else as_times(table.texts(roles.time), notes)
        )
    return found


def _of_all(column: Sequence[Any], rows: IntArray, name: str, what: str) -> Any:
    """What is said of a series by all its rows; its time is that of its first. Raises `DataError` if they differ."""
    if what == "time":
        return column[rows[0]]
    different = list(dict.fromkeys(column[row] for row in rows))
    if len(different) > 1:
        raise DataError(
            f"series {name!r} has several values of its {what}: {some([str(d) for d in different])}",
            expected=f"one {what} for all steps of a series",
        )
    return different[0]
