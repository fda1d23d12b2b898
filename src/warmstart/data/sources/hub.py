"""Tables of other libraries, known by what they can do and not imported: they become a DataFrame.

Those of Hugging Face `datasets` also know the names of their classes, and the parts of a `DatasetDict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warmstart.data.names import PARTS, some

if TYPE_CHECKING:
    import pandas as pd

Table = tuple[list[str], list[list[Any]]]
"""(header, rows)."""
SPLIT = "split"
"""The column that the parts of a `DatasetDict` become."""


def is_hub(data: Any) -> bool:
    """Whether it becomes a DataFrame, or is a mapping of parts that do."""
    if isinstance(data, Mapping):
        return bool(data) and all(is_hub(part) for part in data.values())
    return hasattr(data, "to_pandas") and not isinstance(data, type)


def from_hub(data: Any, notes: list[str]) -> Table:
    """(header, rows); the parts of a mapping are told apart by a column `split`.

    A part of another name than those of parts is left out with a note, and so is one without any label, as the test
    sets of contests are.
    """
    if not isinstance(data, Mapping):
        return _columns(data)
    foreign = [str(name) for name in data if str(name).lower() not in PARTS]
    known = {str(name): part for name, part in data.items() if str(name).lower() in PARTS}
    if not known:  # it is no division that is known: all of it, undivided
        tables = [_columns(part) for part in data.values()]
        return tables[0][0], [row for _, rows in tables for row in rows]
    if foreign:
        notes.append(f"parts of other names than train, val and test are left out: {some(foreign)}")
    header: list[str] = []
    table: list[list[Any]] = []
    for name, part in known.items():
        header, rows = _columns(part)
        numbered = [i for i, column in enumerate(header) if _class_names(part, column)]
        if numbered and all(row[i] is None for row in rows for i in numbered):
            notes.append(f"the part {name!r} has no labels and is left out")
        else:
            table += [[*row, name] for row in rows]
    return [*header, SPLIT], table


def from_frame(frame: pd.DataFrame) -> Table:
    """(header, rows) of a DataFrame."""
    columns = [frame.iloc[:, i].tolist() for i in range(frame.shape[1])]
    return [str(name) for name in frame.columns], [list(row) for row in zip(*columns, strict=True)]


def _columns(part: Any) -> Table:
    header, table = from_frame(part.to_pandas())
    for i, name in enumerate(header):
        if classes := _class_names(part, name):
            for row in table:
                row[i] = _by_name(row[i], classes)
    return header, table


def _by_name(cell: Any, classes: list[str]) -> Any:
    """The name that a number stands for, or the names of a list; -1 is what has no label."""
    if hasattr(cell, "__len__"):
        return [_by_name(one, classes) for one in cell]
    return classes[int(cell)] if cell is not None and 0 <= cell < len(classes) else None


def _class_names(part: Any, column: str) -> list[str]:
    """The names of the classes that a column numbers, also in lists, if it does."""
    features = getattr(part, "features", None)
    feature = features.get(column) if isinstance(features, Mapping) else None
    return list(getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None) or [])
