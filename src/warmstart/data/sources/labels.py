"""Cells as text and labels as names: what a cell says, which classes there are, and what is strange about them."""

from __future__ import annotations

import dataclasses
import numbers
from collections import Counter
from collections.abc import Sequence
from typing import Any

from warmstart.data.names import clean, natural, some
from warmstart.errors import DataError


@dataclasses.dataclass(frozen=True)
class Places(Sequence[str]):
    """Where each sample stands, for errors, as text that is made when it is asked for.

    >>> list(Places("row", range(1, 3)))
    ['row 1', 'row 2']
    """

    noun: str
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: Any) -> Any:
        return Places(self.noun, self.numbers[i]) if isinstance(i, slice) else f"{self.noun} {self.numbers[i]}"


@dataclasses.dataclass(frozen=True)
class LabelCells:
    """What says the labels: the columns of a table, each with its name, or the one that a sequence is."""

    columns: Sequence[Sequence[Any]]
    names: tuple[str, ...]
    places: Sequence[str]
    """Of each sample, for errors: "row 3"."""
    words: Sequence[Sequence[str]] | None = None
    """Of each text, where words are labelled."""


def as_text(value: Any) -> str:
    """A cell as text that can be compared and shown; empty if there is nothing in it.

    >>> as_text(3.0), as_text(float("nan")), as_text(" NA ")
    ('3', '', 'NA')
    """
    return clean(as_cell(value))


def as_cell(value: Any) -> str:
    """A cell as text, letter for letter. Text such as "NA" or "None" stays text.

    A whole number that a table stores as a float, because other rows have gaps, loses its ".0".
    """
    if isinstance(value, str):
        return value.strip()
    if is_null(value):
        return ""
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral) and float(value).is_integer():
        return str(int(float(value)))
    return str(value).strip()


def is_null(value: Any) -> bool:
    """Whether a cell or a value says that there is none: `None`, NaN, or what pandas writes for it.

    >>> is_null(None), is_null(float("nan")), is_null(""), is_null([])
    (True, True, False, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Number) and bool(value != value)


def is_nested(value: Any) -> bool:
    """Whether a cell holds several values: a list, an object, an array; a number of numpy's is one."""
    return isinstance(value, (list, tuple, dict, set)) or getattr(value, "shape", ()) != ()


def refuse_nested(value: Any, number: int, column: str) -> None:
    """Raise `DataError` that names the row and the column of a cell that holds several values."""
    if is_nested(value):
        raise DataError(
            f"row {number}: the column {column!r} holds a {type(value).__name__}",
            expected="one value in each row",
            do="name another column, or make one value of what it holds",
        )


def class_names(labels: Sequence[str], notes: list[str]) -> tuple[str, ...]:
    """The classes in natural order; `notes` gets what is strange about them.

    Raises:
        DataError: fewer than two classes.

    >>> class_names(["10", "2", "NA"], [])
    ('2', '10', 'NA')
    """
    counts = Counter(labels)
    classes = tuple(sorted(counts, key=natural))
    if len(classes) < 2:
        raise DataError(
            f"{len(labels)} labels, and {len(classes)} class(es) among them: {', '.join(classes)}",
            expected="two or more classes",
        )
    values = [_number(name) for name in classes]
    if fractional := [name for name, value in zip(classes, values, strict=True) if value is not None and value % 1]:
        notes.append(f"labels with fractions are taken as names of classes: {some(fractional)}")
    if "-1" in counts and set(classes) != {"-1", "1"}:  # of these two it is the sign of one
        notes.append(f"{counts['-1']} samples are labelled -1; it is taken as a class, though it often means unknown")
    whole = sorted(int(value) for value in values if value is not None and value >= 0 and not value % 1)
    if len(whole) == len(classes) and (gaps := sorted(set(range(whole[0], whole[-1])) - set(whole))):
        notes.append(
            f"no sample is labelled {some([str(g) for g in gaps])}; classes are known by name, so this is harmless"
        )
    return classes


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e6 else None  # codes, dates; infinities and not-a-number too
