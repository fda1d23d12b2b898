"""Which column of a table is what: as the user says, else by the names that people give them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from warmstart.data.anomalies import NORMAL
from warmstart.data.names import PARTS
from warmstart.data.sources.labels import LabelCells, Places, as_text, refuse_nested
from warmstart.data.targets import TaskName
from warmstart.errors import DataError, nearest

PATHS = (
    "path", "filepath", "file_path", "image_path", "img_path", "imagepath",
    "file", "filename", "file_name", "image", "img", "image_name", "image_file", "image_id",
)  # fmt: skip
LABELS = (
    "label", "class", "target", "category", "class_name", "label_name", "labels", "classname", "species", "y",
    "sentiment", "intent", "topic", "emotion", "genre", "polarity", "gold_label", "label_text", "class_index",
)  # fmt: skip
SETS = ("topics", "tags", "categories", "genres", "emotions", "classes", "keywords", "themes", "attributes")
"""What columns of several labels are called beside that."""
MEASURES = (
    "score", "rating", "stars", "value", "price", "similarity", "similarity_score", "age", "grade", "number",
)  # fmt: skip
"""What columns of numbers are called beside that."""
SPLITS = ("split", "set", "subset", "part", "partition", "data_set", "dataset")

_OR_TEXTS = ", or with text_column (--text-column) if they are texts"


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of the columns that say something of the samples, beside those that hold them."""

    labels: tuple[str, ...]
    """Several where each holds a label of its own, or a number."""
    group: str | None
    split: str | None
    time: str | None = None

    def cells(self, header: Sequence[str], table: Sequence[Sequence[Any]]) -> list[dict[str, str]]:
        """The cells of each row by what they say, `group`, `split` and `time`, as text; empty where there is none.

        Raises:
            DataError: names the row and column of a cell that is a list or an object.
        """
        named = {"group": self.group, "split": self.split, "time": self.time}
        at = {role: header.index(name) for role, name in named.items() if name is not None}
        for number, row in enumerate(table, start=1):
            for i in at.values():
                refuse_nested(row[i], number, header[i])
        if not at:
            return [{}] * len(table)
        return [{role: as_text(row[i]) for role, i in at.items()} for row in table]

    def label_cells(
        self, header: Sequence[str], table: Sequence[Sequence[Any]], words: Sequence[Sequence[str]] | None = None
    ) -> LabelCells:
        """The cells of the labels, as they are stored; `words` are those of the texts, where words are labelled.

        Where there are none, all samples are normal.
        """
        places = Places("row", range(1, len(table) + 1))
        if not self.labels:
            return LabelCells([[NORMAL] * len(table)], ("label",), places)
        columns = [[row[header.index(name)] for row in table] for name in self.labels]
        return LabelCells(columns, self.labels, places, words)


def find_path(header: Sequence[str], path: str | None) -> str:
    """The column of the paths: as asked, else by its name. Raises `DataError` if it cannot be told."""
    return asked(header, path, "path") or _guessed(header, (), PATHS, "path")


def find_columns(
    header: Sequence[str],
    table: Sequence[Sequence[Any]],
    inputs: Sequence[str],
    *,
    label: str | None,
    group: str | None,
    time: str | None = None,
    known: Sequence[str] = LABELS,
    needed: bool = True,
) -> Columns:
    """The columns to use, beside `inputs`, which hold the samples. Raises `DataError` if one cannot be told.

    `label` names one or, with commas between them, several; without it, it is the first there is of those `known`, or
    the only one that is left. Labels that are not `needed` are looked for among those known alone.

    >>> find_columns(["image", "class", "split"], [["a.png", "cat", "train"]], ["image"], label=None, group=None).split
    'split'
    """
    labels = named(header, label, "label") if label is not None else ()
    groups, times = asked(header, group, "group"), asked(header, time, "time")
    if not labels and not needed:
        found = known_as([name for name in header if name not in (*inputs, groups, times)], known)
        labels = () if found is None else (found,)
    elif not labels:
        left = [name for name in header if name not in (*inputs, groups, times) and name.lower() not in SPLITS]
        labels = (left[0] if len(left) == 1 else _guessed(header, inputs, known, "label"),)
    for name in header:
        if name.lower() in SPLITS and name not in (*inputs, *labels, groups, times):
            at = header.index(name)
            values = {as_text(row[at]).lower() for row in table}
            if values <= PARTS.keys():
                return Columns(labels, groups, name, times)
            if values & PARTS.keys():
                wrong = next(i for i, row in enumerate(table, start=1) if as_text(row[at]).lower() not in PARTS)
                raise DataError(
                    f"row {wrong}: the column {name!r} holds {as_text(table[wrong - 1][at])!r}",
                    expected=f"one of {', '.join(PARTS)} in every row",
                    do="mend it, or rename the column if it does not say which part a row belongs to",
                )
    return Columns(labels, groups, None, times)


def asked(header: Sequence[str], name: str | None, what: str) -> str | None:
    """The column that the user names, or none. Raises `DataError` that lists the columns if there is no such."""
    if name is not None and name not in header:
        raise DataError(
            f"the table has no column {name!r} for the {what}",
            expected=f"one of its columns: {', '.join(header)}",
            do=f"the nearest: {nearest(name, header)}",
        )
    return name


def named(header: Sequence[str], names: str, what: str) -> tuple[str, ...]:
    """The columns that the user names, with commas between them. Raises `DataError` if one is twice, or is none."""
    found = [names] if names in header else [name.strip() for name in names.split(",")]
    if len(set(found)) < len(found):
        raise DataError(f"{what}_column names {', '.join(found)}", expected="each column once")
    return tuple(str(asked(header, name, what)) for name in found)


def label_names(task: TaskName | None) -> tuple[str, ...]:
    """What columns of the labels of a task are called, the likeliest first."""
    return (*LABELS, *(MEASURES if task == "regress" else SETS))


def known_as(header: Sequence[str], known: Sequence[str]) -> str | None:
    """The column whose name is the first of those known, upper or lower case, with spaces or underscores."""
    lower = {name.lower().replace(" ", "_"): name for name in reversed(header)}
    return next((lower[name] for name in known if name in lower), None)


def _guessed(header: Sequence[str], taken: Sequence[str], known: Sequence[str], what: str) -> str:
    if (name := known_as([name for name in header if name not in taken], known)) is not None:
        return name
    raise DataError(
        f"no column of the table is known to hold the {what}; its columns are {', '.join(header)}",
        expected=f"a column called {', '.join(known[:4])} or the like",
        do=f"say which it is with {what}_column (--{what}-column){_OR_TEXTS if what == 'path' else ''}; "
        "if the first row is none of names, put one above it",
    )
