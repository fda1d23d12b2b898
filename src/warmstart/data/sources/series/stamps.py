"""When the steps of a series were taken: in order, each once, in one time zone; how many there are a second.

Numbers are taken as they are, in any unit, and so say no rate. All else is read as dates, as
`warmstart.data.sources.times` does.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.data.names import clean, some
from warmstart.data.sources.labels import as_text
from warmstart.data.sources.series.values import FloatArray
from warmstart.data.sources.times import as_times
from warmstart.errors import DataError

_ZONE = re.compile(r"(?<=[\d:])\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_UTC = {"", "Z", "UTC", "GMT", "+00:00", "+0000"}
_UNEVEN = 0.5
"""Share of the usual distance by which one of two stamps may differ from it: stamps are rounded, months differ."""


@dataclasses.dataclass(frozen=True, eq=False)
class Stamps:
    """When steps were taken (n,), in seconds since 1970 if `dated`, else in a unit that is not known."""

    at: FloatArray
    dated: bool

    def of(self, rows: npt.NDArray[np.int64], called: str) -> Stamps:
        """Those of one series, which is `called` so; `rows` are its rows of the table, from 0.

        Raises:
            DataError: a time goes back, or occurs twice; names the row.
        """
        at = self.at[rows]
        apart = np.diff(at)
        if (apart <= 0).any():
            wrong = int(np.argmax(apart <= 0))
            before, after = (shown(float(at[i]), dated=self.dated) for i in (wrong, wrong + 1))
            raise _out_of_order(before, after, int(rows[wrong + 1]) + 1, called)
        return Stamps(at, self.dated)

    @property
    def start(self) -> float:
        """The first."""
        return float(self.at[0])

    @property
    def rate(self) -> float | None:
        """Steps per second; `None` of one step, and where the unit is not known."""
        if len(self.at) < 2 or not self.dated:
            return None
        apart = np.diff(self.at)
        return float(1 / (np.median(apart) if self.uneven else apart.mean()))

    @property
    def uneven(self) -> tuple[float, float] | None:
        """The shortest and the longest distance, where they are not about the same."""
        apart = np.diff(self.at)
        if not len(apart):
            return None
        usual, shortest, longest = float(np.median(apart)), float(apart.min()), float(apart.max())
        even = (1 - _UNEVEN) * usual <= shortest and longest <= (1 + _UNEVEN) * usual
        return None if even else (shortest, longest)

    @property
    def instants(self) -> npt.NDArray[Any]:
        """As `warmstart.data.clock` takes them: `datetime64` if dated, to the microsecond, else numbers."""
        return np.round(1e6 * self.at).astype("datetime64[us]").astype("datetime64[ns]") if self.dated else self.at


def read_stamps(cells: Sequence[Any] | npt.NDArray[Any], column: str, notes: list[str]) -> Stamps:
    """The stamps in the cells of a column, of all series of a table together.

    Raises:
        DataError: a cell is no time, or some have a time zone and others have none; names the row (the first is 1).
    """
    array = np.asarray(cells)
    if array.dtype.kind == "M":
        return Stamps(_seconds(array, column), dated=True)
    if array.dtype.kind in "iuf":
        return Stamps(_known(array.astype(np.float64), column), dated=False)
    texts = [as_text(cell) for cell in cells]
    try:
        return Stamps(_known(np.array(texts, dtype=np.float64), column), dated=False)
    except ValueError:
        pass
    zones = [found[1] if (found := _ZONE.search(text)) else "" for text in texts]
    if "" in zones and any(zones):
        with_zone = next(i for i, zone in enumerate(zones) if zone)
        raise DataError(
            f"the column {column!r} mixes times with a time zone ({clean(texts[with_zone])} in row {with_zone + 1}) "
            f"and without one ({clean(texts[zones.index('')])} in row {zones.index('') + 1})",
            expected="a time zone in every row, or in none",
            do="write all times in UTC",
        )
    if {zone.upper() for zone in zones} - _UTC:
        different = sorted(set(zones))
        which = f"several time zones ({some(different)})" if len(different) > 1 else f"the time zone {zones[0]}"
        notes.append(f"the times of {column} are in {which}; they are read as UTC")
    return Stamps(np.array(as_times(texts, notes)), dated=True)


def shown(at: float, *, dated: bool) -> str:
    """A time as a person reads it; seconds since 1970 if `dated`.

    >>> shown(1704240000.0, dated=True), shown(1704240000.5, dated=True), shown(12.5, dated=False)
    ('2024-01-03', '2024-01-03 00:00:00.500', '12.5')
    """
    if not dated:
        return f"{at:.15g}"
    text = str(np.datetime_as_string(np.datetime64(round(1e3 * at), "ms"))).replace("T", " ")
    return text.removesuffix(".000").removesuffix(" 00:00:00")


def _out_of_order(before: str, after: str, row: int, called: str) -> DataError:
    if before == after:
        return DataError(
            f"row {row}: {called} has the time {before} twice",
            expected="each time once in a series",
            do="remove or average repeated rows; if clocks were put back in autumn, write times in UTC; if rows are of "
            "several series, name their column with id_column (--id-column)",
        )
    return DataError(
        f"row {row}: the time of {called} goes back, from {before} to {after}",
        expected="the rows of a series in order of time",
        do="sort the table by its time; if rows are of several series, name their column with id_column (--id-column)",
    )


def _known(at: FloatArray, column: str) -> FloatArray:
    if not (known := np.isfinite(at)).all():
        raise DataError(f"row {int(np.argmin(known)) + 1}: the time in {column!r} is missing", "a time in every row")
    return at


def _seconds(at: npt.NDArray[Any], column: str) -> FloatArray:
    found = at.astype("datetime64[ns]").astype(np.int64) / 1e9
    return _known(np.where(np.isnat(at), np.nan, found), column)
