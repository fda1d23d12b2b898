"""Which column of a table of series is what: as the user says, else by the names that people give them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from warmstart.data.names import PARTS, clean, some
from warmstart.data.seriesreading import Reading
from warmstart.data.sources.columns import LABELS, SPLITS, asked, known_as, named
from warmstart.data.sources.series.columns import Table
from warmstart.data.sources.series.recording import Asked
from warmstart.errors import DataError

IDS = (
    "series_id", "id", "series", "sample_id", "sample", "recording_id", "recording", "case_id", "case", "unique_id",
    "item_id", "trial_id", "trial", "session_id", "session", "segment_id", "segment", "record_id", "record",
)  # fmt: skip
TIMES = (
    "time", "timestamp", "time_stamp", "datetime", "date_time", "date", "t", "ts", "ds", "step", "timestep",
    "time_step", "time_s", "time_ms", "seconds", "sec",
)  # fmt: skip
_PLACES = ("sensor", "station", "store")
"""What ids are called too where series are to be forecast; of a recording, columns of these names may be channels."""
_CALENDAR = ("month", "week", "day", "year", "period")
"""What times are called too, likewise."""
_SURELY = ("label", "class", "target")
"""Names of labels that are never those of values."""
STEPS = 8
"""Columns that are numbered one after the other, and so are surely the steps of a series."""
_NUMBERED = re.compile(r"(.*?)[\s_.-]*(\d+)")


@dataclasses.dataclass(frozen=True)
class Roles:
    """Names of the columns by what they say; `None` where there is none."""

    values: tuple[tuple[str, ...], ...]
    """Of a row per step one column for each channel; of a row per series the columns of the steps of each channel."""
    labels: tuple[str, ...]
    id: str | None
    step_time: str | None
    group: str | None
    split: str | None
    time: str | None
    names: tuple[str, ...] = ()
    """Of the channels."""


def is_long(header: Sequence[str], reading: Reading, repeats: bool) -> bool:
    """Whether a table has a row for each step; `repeats`: the column of ids, if there is one, holds one twice.

    It has if columns of ids or times are named, if ids repeat, or if there is a column of times and none are numbered.
    """
    if reading.time_column or (reading.id_column and repeats):
        return True
    return (repeats or known_as(header, TIMES) is not None) and not numbered(header)


def numbered(header: Sequence[str]) -> dict[str, list[str]]:
    """The columns that number steps, for each channel by its name before the number; empty if there are none.

    >>> {name: columns[:2] for name, columns in numbered(["y", *(f"x_{i}" for i in range(9))]).items()}
    {'x': ['x_0', 'x_1']}
    """
    runs: dict[str, list[tuple[int, str]]] = {}
    for name in header:
        if (found := _NUMBERED.fullmatch(name)) is not None:
            runs.setdefault(found[1], []).append((int(found[2]), name))
    whole = {
        prefix: [name for _, name in sorted(run)]
        for prefix, run in runs.items()
        if len(run) >= STEPS and sorted(n for n, _ in run) == [*range(min(run)[0], min(run)[0] + len(run))]
    }
    longest = max(map(len, whole.values()), default=0)
    return {prefix: run for prefix, run in whole.items() if len(run) == longest}


def find_id(table: Table, said: Asked, without: Sequence[str | None] = ()) -> str | None:
    """The column of ids: as named, else by its name, if there is one.

    Where series are to be forecast, one that differs from row to row throughout names none.
    """
    forecast = said.task == "forecast"
    if (named_so := asked(table.header, said.reading.id_column, "id")) is not None:
        return named_so
    free = [name for name in table.header if name not in without]
    found = known_as(free, (*IDS, *_PLACES) if forecast else IDS)
    return None if forecast and found and len(set(table.texts(found))) == table.rows > 1 else found


def find_roles(table: Table, said: Asked, *, long: bool, notes: list[str]) -> Roles:
    """What the columns are. `notes` gets which are values if nobody said so, and which are left out.

    Raises:
        DataError: a column that is named is not there, or cannot be told; one is named for two things.
    """
    header, reading, forecast = table.header, said.reading, said.task == "forecast"
    groups, times = asked(header, said.group, "group"), asked(header, said.time, "time")
    chosen = named(header, reading.value_columns, "value") if reading.value_columns else ()
    step_time = asked(header, reading.time_column, "time") if long else None
    if long and step_time is None:
        free = [name for name in header if name not in (*chosen, reading.id_column)]
        step_time = known_as(free, (*TIMES, *_CALENDAR) if forecast else TIMES)
    ids = find_id(table, said, (groups, step_time, *chosen))
    taken = [groups, times, step_time, ids]
    parts = [] if forecast else [name for name in header if name.lower() in SPLITS and name not in taken]
    split = next((name for name in parts if _are_parts(table.texts(name))), None)
    steps = {} if long or chosen else numbered([name for name in header if name not in taken])
    inner = {name for run in steps.values() for name in run}
    labels = named(header, said.label_column, "label") if said.label_column is not None else ()
    if not labels and said.labelled:
        other = [name for name in chosen if known_as([name], _SURELY) is None]
        free = [name for name in header if name not in (*taken, split, *other, *inner)]
        labels = (_label(free, table, header),)
    if both := [name for name in chosen if name in (*labels, step_time, ids)]:
        what = "the labels" if both[0] in labels else "the ids or times"
        raise DataError(
            f"the column {both[0]!r} is named for the values and is that of {what}",
            expected="values that do not hold what is asked for",
            do="leave it out of value_columns (--value-columns)",
        )
    others = (*taken, split, *labels)
    values = chosen or tuple(n for run in steps.values() for n in run if n not in others)
    values = values or _numbers(table, others, said)
    if not values:
        raise DataError(f"no column holds the values; the columns are {some(header, 20)}", "columns of numbers")
    left = [name for name in header if name not in (*others, *values)]
    if not chosen:
        notes.append(f"the values are read from {_shown(values)}{f'; {some(left)} is left out' if left else ''}")
    if long:
        return Roles(tuple((n,) for n in values), labels, ids, step_time, groups, split, times, values)
    channels = tuple(tuple(run) for run in steps.values()) or (values,)
    return Roles(channels, labels, ids, None, groups, split, times, tuple(steps) if len(steps) > 1 else ())


def _label(free: Sequence[str], table: Table, header: Sequence[str]) -> str:
    """The column of the labels; `y` is none beside `x`, as that is a channel."""
    known = [name for name in LABELS if name != "y" or known_as(header, ("x",)) is None]
    if (found := known_as(free, known)) is not None:
        return found
    words = [name for name in free if not table.holds_numbers(name)]
    for one in (free, words):
        if len(one) == 1:
            return one[0]
    raise DataError(
        f"no column of the table is known to hold the label; its columns are {some(header, 20)}",
        expected="a column called label, class, target or the like",
        do="say which it is with label_column (--label-column)",
    )


def _numbers(table: Table, others: Sequence[str | None], said: Asked) -> tuple[str, ...]:
    """The columns of numbers beside `others`, but for what is surely none of values."""
    values = [name for name in table.header if name not in others and table.holds_numbers(name)]
    if said.task == "forecast":
        ids = known_as(table.header, IDS)
        return tuple(name for name in values if name != ids or not _counts(table, name))
    # what is to be answered for may have its label beside it
    label = None if said.labelled or said.label_column else known_as(table.header, _SURELY)
    return tuple(name for name in values if name != label)


def _counts(table: Table, name: str) -> bool:
    """Whether a column numbers the rows."""
    return bool((np.diff(table.numbers(name, [])) == 1).all())


def _are_parts(texts: Sequence[str]) -> bool:
    return all(text.lower() in PARTS for text in texts)


def _shown(names: Sequence[str]) -> str:
    return clean(
        ", ".join(names) if len(names) <= 6 else f"{names[0]}, {names[1]}, ... {names[-1]} ({len(names)} columns)"
    )
