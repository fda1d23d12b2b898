"""Labels of which a sample has any number: lists, names in one cell, a column of 0 and 1 for each."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from warmstart.data.names import clean, natural
from warmstart.data.sources.labels import as_text, is_nested, is_null
from warmstart.errors import DataError

DELIMITERS = "|;,"
_TRUTHS = {"0": False, "1": True, "false": False, "true": True}


def are_indicators(cells: Sequence[Any]) -> bool:
    """Whether a column says of each sample no or yes: 0 and 1, or false and true, and gaps.

    >>> are_indicators([0, 1.0, "true", None]), are_indicators([0, 2])
    (True, False)
    """
    return all(is_null(cell) or (not is_nested(cell) and as_text(cell).lower() in {*_TRUTHS, ""}) for cell in cells)


def indicated(columns: Sequence[Sequence[Any]], names: Sequence[str], places: Sequence[str]) -> list[Any]:
    """The names of the columns that say yes of each sample; `None` where one has a gap.

    Raises:
        DataError: names the place and the column of a cell that is neither 0 nor 1.
    """
    found: list[tuple[str, ...] | None] = []
    for place, cells in zip(places, zip(*columns, strict=True), strict=True):
        for name, cell in zip(names, cells, strict=True):
            if not are_indicators([cell]):
                raise DataError(
                    f"{place}: the column {name!r} holds {clean(str(cell))[:50]!r}",
                    expected="0 or 1 (or false or true) in each column of a label",
                    do="name other columns with label_column (--label-column), or mend the row",
                )
        known = [_TRUTHS.get("" if is_null(cell) else as_text(cell).lower()) for cell in cells]
        held = tuple(name for name, yes in zip(names, known, strict=True) if yes)
        found.append(None if None in known else held)
    return found


def as_list(cell: Any) -> list[Any] | None:
    """The entries of a cell: of a list, an array or a set, or of one that was written as text; `None` if it is none.

    >>> as_list("['a', 'b']"), as_list(("a",)), as_list("a")
    (['a', 'b'], ['a'], None)
    """
    if isinstance(cell, dict):
        return None
    if is_nested(cell):
        return list(cell.tolist() if hasattr(cell, "tolist") else cell)
    text = cell.strip() if isinstance(cell, str) else ""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return found if isinstance(found, list) else None


def listed(cells: Sequence[Any], places: Sequence[str], notes: list[str]) -> tuple[list[Any], tuple[str, ...]]:
    """(the labels of each sample, `None` for a gap; the labels there are, where every list has a place for each).

    An empty text among lists is none of the labels, as an empty list is. Lists that all have as many entries, and only
    0 and 1, say no or yes of label 0, 1, and so on.

    Raises:
        DataError: names the place of a cell that is no list, or has an entry that is no name.
    """
    cells = [[] if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
    lists = [None if is_null(cell) else as_list(cell) for cell in cells]
    for cell, entries, place in zip(cells, lists, places, strict=True):
        if (entries is None and not is_null(cell)) or any(is_nested(e) or not as_text(e) for e in entries or ()):
            raise DataError(
                f"{place}: {clean(str(cell))[:50]!r} is no list of labels",
                expected="a list of names in every row, as the others have; an empty one for none of the labels",
                do="mend the row",
            )
    known = [entries for entries in lists if entries is not None]
    width = len(known[0]) if known else 0
    if (
        width > 1
        and all(len(e) == width and are_indicators(e) for e in known)
        and any(len(set(e)) < width for e in known)
    ):
        names = tuple(map(str, range(width)))
        notes.append(
            f"each list of labels says no or yes (0 or 1) of {width} labels, which are called 0 to {width - 1}"
        )
        columns = list(zip(*(entries or [None] * width for entries in lists), strict=True))
        return indicated(columns, names, places), names
    return [None if entries is None else _names(map(as_text, entries)) for entries in lists], ()


def divided(cells: Sequence[Any], notes: list[str]) -> list[Any]:
    """The labels in each cell, by the delimiter that most cells have; an empty cell and a gap are none of them.

    >>> divided(["red|round", "red", ""], [])
    [('red', 'round'), ('red',), ()]
    """
    texts = [as_text(cell) for cell in cells]
    held = {mark: sum(mark in text for text in texts) for mark in DELIMITERS}
    mark = max(DELIMITERS, key=lambda mark: held[mark])
    if held[mark]:
        notes.append(f"several labels in one cell are divided by {mark!r}")
    else:
        notes.append("no cell holds several labels: none has |, ; or , in it")
    if without := texts.count(""):
        notes.append(f"{without} empty cell(s) are read as none of the labels")
    return [_names(name.strip() for name in (text.split(mark) if held[mark] else [text])) for text in texts]


def _names(found: Any) -> tuple[str, ...]:
    """Each name once, in natural order."""
    return tuple(sorted({name for name in found if name}, key=natural))
