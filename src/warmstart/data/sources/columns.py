"""Which column of a table is what: as the user says, else by the names that people give them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from warmstart.data.names import PARTS
from warmstart.data.sources.labels import as_text
from warmstart.errors import DataError, nearest

PATHS = (
    "path", "filepath", "file_path", "image_path", "img_path", "imagepath",
    "file", "filename", "file_name", "image", "img", "image_name", "image_file", "image_id",
)  # fmt: skip
LABELS = ("label", "class", "target", "category", "class_name", "label_name", "labels", "classname", "species", "y")
SPLITS = ("split", "set", "subset", "part", "partition", "data_set", "dataset")


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of the columns that are used."""

    path: str
    label: str
    group: str | None
    split: str | None
    time: str | None = None

    def named(self) -> dict[str, str]:
        """Those that there are, by role."""
        return {role: name for role, name in dataclasses.asdict(self).items() if name is not None}


def find_columns(
    header: Sequence[str],
    table: Sequence[Sequence[Any]],
    *,
    path: str | None,
    label: str | None,
    group: str | None,
    time: str | None = None,
) -> Columns:
    """The columns to use. Raises `DataError` that lists the columns found if one cannot be told.

    >>> find_columns(["image", "class", "split"], [["a.png", "cat", "train"]], path=None, label=None, group=None).split
    'split'
    """
    paths = _asked(header, path, "path") or _guessed(header, PATHS, "path")
    labels = _asked(header, label, "label") or _guessed(header, LABELS, "label")
    groups, times = _asked(header, group, "group"), _asked(header, time, "time")
    for name in header:
        if name.lower() in SPLITS and name not in (paths, labels, groups, times):
            at = header.index(name)
            values = {as_text(row[at]).lower() for row in table}
            if values <= PARTS.keys():
                return Columns(paths, labels, groups, name, times)
            if values & PARTS.keys():
                wrong = next(i for i, row in enumerate(table, start=1) if as_text(row[at]).lower() not in PARTS)
                raise DataError(
                    f"row {wrong}: the column {name!r} holds {as_text(table[wrong - 1][at])!r}",
                    expected=f"one of {', '.join(PARTS)} in every row",
                    do="mend it, or rename the column if it does not say which part a row belongs to",
                )
    return Columns(paths, labels, groups, None, times)


def _asked(header: Sequence[str], name: str | None, what: str) -> str | None:
    if name is not None and name not in header:
        raise DataError(
            f"the table has no column {name!r} for the {what}",
            expected=f"one of its columns: {', '.join(header)}",
            do=f"the nearest: {nearest(name, header)}",
        )
    return name


def _guessed(header: Sequence[str], known: Sequence[str], what: str) -> str:
    lower = {name.lower().replace(" ", "_"): name for name in reversed(header)}
    for name in known:
        if name in lower:
            return lower[name]
    raise DataError(
        f"no column of the table is known to hold the {what}; its columns are {', '.join(header)}",
        expected=f"a column called {', '.join(known[:4])} or the like",
        do=f"say which it is with {what}_column (--{what}-column)",
    )
