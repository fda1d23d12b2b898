"""Labels that are numbers: whether a column holds measurements, and what they are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from warmstart.data.names import clean
from warmstart.data.sources.labels import as_text, is_nested, is_null
from warmstart.errors import DataError

_CONTINUOUS = 20
"""Distinct fractional numbers beyond which a column is taken for measurements rather than classes."""
_MOST = 0.9
"""Share of the cells that are numbers where a column is one of measurements: then the others are mistakes."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)


def are_measurements(cells: Sequence[Any]) -> bool:
    """Whether nearly all cells are numbers, some with a fraction, and too many differ for them to be classes.

    >>> are_measurements([i / 7 for i in range(100)]), are_measurements([0.5, 1.0] * 50), are_measurements(range(100))
    (True, False, False)
    """
    texts, values = _read(cells)
    several = len(set(values)) > max(_CONTINUOUS, len(texts) // 10)
    return several and len(values) >= _MOST * len(texts) and any(value % 1 for value in values)


def are_numbers(cells: Sequence[Any]) -> bool:
    """Whether nearly all cells are numbers, whole or not; the others are gaps or mistakes.

    >>> are_numbers([1, 2.5, None, "3"]), are_numbers(["a", "b"]), are_numbers([None])
    (True, False, True)
    """
    texts, values = _read(cells)
    return len(values) >= _MOST * len(texts)


def many_different(cells: Sequence[Any]) -> bool:
    """Whether there are more different numbers than one would call classes.

    >>> many_different(range(30)), many_different([1, 2, 3] * 10)
    (True, False)
    """
    return len(set(_read(cells)[1])) > _CONTINUOUS


def _read(cells: Sequence[Any]) -> tuple[list[str], list[float]]:
    """The cells that hold something, as text; the numbers among them."""
    texts = [text for cell in cells if not is_nested(cell) and (text := as_text(cell))]
    texts += ["" for cell in cells if is_nested(cell)]
    values = [float(text.replace(",", ".")) for text in texts if _NUMBER.fullmatch(text) or _COMMA.fullmatch(text)]
    return texts, values


def as_number(cell: Any, place: str, column: str = "") -> float | None:
    """The number of a cell, also one that is stored as text; `None` for a gap.

    Raises:
        DataError: it is none; names the `place` (such as "row 3") and the column.

    >>> as_number(" 1.5e3 ", "row 1")
    1500.0
    """
    text = "" if isinstance(cell, bool) else as_text(cell)
    if is_null(cell) or (isinstance(cell, str) and not text):
        return None
    if _NUMBER.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    of_column = f"the column {column!r}: " if column else ""
    shown = clean(str(cell))[:50]
    do = f"write {shown.replace(',', '.')} for it" if _COMMA.fullmatch(shown.strip()) else "mend it, or leave it empty"
    raise DataError(
        f"{place}: {of_column}{shown!r} is no number",
        expected="a finite number with a decimal point in every row, and no unit",
        do=f"{do}; if the labels are names, say task='classify' (--task classify)",
    )
