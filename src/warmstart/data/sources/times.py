"""When samples were taken: what a column, a sequence or the photos themselves say, as numbers in order of time.

One rule: numbers in every place are taken as they are (years, seconds, frames); all else is read as date and time, in
ISO 8601, or in the one format that pandas reads from the first. A time without a zone is taken as UTC.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence

from warmstart.data.names import clean, some
from warmstart.data.schema import Sample
from warmstart.errors import DataError
from warmstart.preprocess.exif import capture_time

EXIF = "exif"
"""What to give for `time` where photos know when they were taken."""
ISO = "ISO8601"


def as_times(cells: Sequence[str], notes: list[str]) -> list[float]:
    """A number for each cell: itself, or seconds since 1970 of a date. `notes` gets a format that had to be guessed.

    Raises:
        DataError: a cell that is no time, with its row (the first is 1), or dates that can be read in two ways.

    >>> as_times(["2024-01-01", "2024-01-02T12:00"], [])
    [1704067200.0, 1704196800.0]
    """
    numbers = [_number(cell) for cell in cells]
    known = [number for number in numbers if number is not None]
    if len(known) == len(cells):
        return known
    if "" in cells:
        raise _unreadable(cells, cells.index(""))
    ways: dict[str, list[float | None]] = {}
    for form in _forms(cells[0]):
        if None not in (found := _read(cells, form)):
            ways[form] = found
        if ISO in ways:
            break
    if not ways:
        raise _unreadable(cells, _first_unread(cells) if numbers[0] is None else numbers.index(None))
    if len({tuple(of) for of in ways.values()}) > 1:
        raise DataError(
            f"{clean(cells[0][:50])!r} and all other times can be read as {' and as '.join(ways)}",
            expected="dates that can be read in one way",
            do="write them as YYYY-MM-DD",
        )
    form, found = next(iter(ways.items()))
    if form != ISO:
        notes.append(f"times are read as {form}")
    return [at for at in found if at is not None]


def photo_times(samples: Sequence[Sample]) -> list[float]:
    """When each photo was taken, by its EXIF data; seconds since 1970, in the camera's own zone.

    Raises:
        DataError: photos that do not say it.
    """
    found = [capture_time(sample.source) for sample in samples]
    if silent := [s.id for s, at in zip(samples, found, strict=True) if at is None]:
        raise DataError(
            f"{len(silent)} of {len(samples)} photos do not say when they were taken: {some(silent, 3)}",
            expected="EXIF data with the time of capture in every photo",
            do="give a table with a column for the time, or leave the time out",
        )
    return [at for at in found if at is not None]


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _forms(first: str) -> Iterator[str]:
    """The formats to try, best first: ISO, and what the first cell looks like with the month or the day first."""
    from pandas.tseries.api import guess_datetime_format

    yield ISO
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where there is but one way to read a date
        guessed = [guess_datetime_format(first, dayfirst=day) for day in (False, True)]
    yield from dict.fromkeys(form for form in guessed if form is not None)


def _read(cells: Sequence[str], form: str) -> list[float | None]:
    import pandas as pd

    found = pd.to_datetime(pd.Series(list(cells)), format=form, utc=True, errors="coerce")
    seconds = found.astype("int64") / {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[found.dt.unit]
    return list(seconds.astype(object).where(found.notna(), None))


def _first_unread(cells: Sequence[str]) -> int:
    """Position of the first cell that stands in the way of the format that reads most."""
    best = max((_read(cells, form) for form in _forms(cells[0])), key=lambda found: len(found) - found.count(None))
    return best.index(None)


def _unreadable(cells: Sequence[str], at: int) -> DataError:
    what = f"{clean(cells[at][:50])!r} is no time" if cells[at] else "the time is empty"
    return DataError(
        f"row {at + 1}: {what}",
        expected="in every row a number, or in every row a date such as 2024-05-31 or 2024-05-31T12:00",
        do="mend the row, or leave it out of the table",
    )
