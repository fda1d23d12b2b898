"""Tables of series as columns, and the numbers in them. Columns stay as they are stored: numbers are not made texts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.data.names import clean, some
from warmstart.data.sources.labels import as_text, is_nested, is_null
from warmstart.data.sources.reading import frame_of, read_table
from warmstart.data.sources.series.values import COMMA, MISSING, FloatArray, is_number, mostly_numbers
from warmstart.errors import DataError

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+", re.ASCII)
_INDEX = re.compile(r"|unnamed: \d+|__index_level_\d+__", re.IGNORECASE)
"""Names of a column that is the number of the row, as pandas writes it."""
_LOOKED_AT = 1000


@dataclasses.dataclass(frozen=True)
class Table:
    """A table by its columns; row 1 is the first below the header."""

    columns: Mapping[str, npt.NDArray[Any]]
    rows: int

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        return [*self.columns]

    def texts(self, name: str) -> list[str]:
        """The cells of a column as text that can be compared; empty where there is nothing."""
        return [as_text(cell) for cell in self.columns[name]]

    def holds_numbers(self, name: str) -> bool:
        """Whether a column is one of numbers, by its first rows: cells that are none are mistakes."""
        column = self.columns[name]
        if column.dtype.kind in "biuf":
            return True
        if column.dtype.kind != "O":
            return False
        return mostly_numbers([as_text(cell) for cell in column[:_LOOKED_AT]])

    def numbers(self, name: str, notes: list[str]) -> FloatArray:
        """The values of a column (rows,), NaN where one is missing.

        A column in which all that is no number has a decimal comma is read so, and a note says it.

        Raises:
            DataError: names the row and the column of a cell that is no number.
        """
        column = self.columns[name]
        if column.dtype.kind in "biuf":
            return column.astype(np.float64, copy=False)
        try:
            return np.array([*map(float, column)])
        except (TypeError, ValueError):
            pass
        texts = ["" if is_null(cell) else str(cell).strip() for cell in column]
        wrong = [row for row, text in enumerate(texts) if text.lower() not in MISSING and not is_number(text)]
        commas = [texts[row] for row in wrong]
        if wrong and all(map(COMMA.fullmatch, commas)) and not all(map(_THOUSANDS.fullmatch, commas)):
            notes.append(f"the column {name} has decimal commas, which are read as points")
            texts, wrong = [text.replace(",", ".") for text in texts], []
        if wrong:
            raise _no_number(name, wrong[0], texts[wrong[0]])
        return np.array([np.nan if text.lower() in MISSING else float(text) for text in texts])


def of_lists(cells: Iterable[Any], least: int = 2) -> bool:
    """Whether the first cell that is there is a list of numbers, or of lists of them: a series of `least` steps."""
    first = next((cell for cell in cells if is_nested(cell) or not is_null(cell)), None)
    if first is None or not is_nested(first) or isinstance(first, dict | set):
        return False
    try:
        values = np.stack([np.asarray(one) for one in first]) if len(first) else np.array([""])
    except ValueError:  # channels of unequal lengths
        return False
    return values.dtype.kind in "iuf" and values.shape[-1] >= least


def read_columns(source: Any, notes: list[str]) -> Table:
    """A file, a DataFrame or what becomes one as a table by its columns; such a table as it is.

    Raises:
        DataError: as of `warmstart.data.sources.reading.read_table`.
    """
    if isinstance(source, Table):
        return source
    frame = frame_of(source)
    if frame is None:
        return of_rows(*read_table(source, notes), notes)
    if not len(frame):
        raise DataError("the table has no rows", expected="one row for each series, or for each step of one")
    names = [str(name) for name in frame.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"column name(s) that occur more than once: {some(repeated)}", "one name for each column")
    stored = [frame.iloc[:, i] for i in range(len(names))]
    for name, column in zip(names, stored, strict=True):
        if (zone := getattr(column.dtype, "tz", None)) is not None and str(zone) != "UTC":
            notes.append(f"the times of {name} are in the time zone {zone}; they are read as UTC")
    return _table(list(zip(names, map(_plain, stored), strict=True)), len(frame), notes)


def of_rows(header: Sequence[str], rows: Sequence[Sequence[Any]], notes: list[str]) -> Table:
    """The same of rows of cells, of which there is one at least."""
    columns = zip(*rows, strict=True)
    pairs = [(name, _cells(column)) for name, column in zip(header, columns, strict=True)]
    return _table(pairs, len(rows), notes)


def _table(pairs: Sequence[tuple[str, npt.NDArray[Any]]], rows: int, notes: list[str]) -> Table:
    """Without columns that number the rows."""
    if numbered := [name for name, _ in pairs if _INDEX.fullmatch(name)]:
        shown = ", ".join(name or "without a name" for name in numbered)
        notes.append(f"a column that numbers the rows is left out: {clean(shown)}")
    return Table({name: column for name, column in pairs if name not in numbered}, rows)


def _cells(column: Sequence[Any]) -> npt.NDArray[Any]:
    found = np.empty(len(column), dtype=object)
    found[:] = column
    return found


def _plain(column: Any) -> npt.NDArray[Any]:
    """A column of pandas: numbers and dates as such, whatever they are stored as; all else as objects."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iuf" or (kind == "b" and column.dtype == bool):
        found: npt.NDArray[Any] = (
            column.to_numpy(dtype=np.float64, na_value=np.nan) if kind == "f" else column.to_numpy()
        )
        if found.dtype.kind == "O":  # whole numbers with gaps
            found = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return found
    if kind == "M":
        if getattr(column.dtype, "tz", None) is not None:
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return np.asarray(column.to_numpy(dtype="datetime64[ns]"))
    return _cells(column.tolist())


def _no_number(name: str, row: int, text: str) -> DataError:
    comma = _THOUSANDS.fullmatch(text)
    return DataError(
        f"row {row + 1}: the column {name!r} holds {clean(text)[:50]!r}, which is no number",
        expected="a number with a decimal point in every row; nothing, ? or NaN where one is missing",
        do="write it without commas: it may be a decimal or one of thousands"
        if comma
        else "mend the row, or name the columns of the values with value_columns (--value-columns)",
    )
