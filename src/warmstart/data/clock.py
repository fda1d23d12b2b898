"""The steps of time that several series share: what distance they have, and what the instant of each is called."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.errors import DataError

_COARSE = ("YS", "YE", "QS", "QE", "MS", "ME", "B", "D", "h", "min", "s")
"""Distances that are tried where stamps have gaps, the longest first; weeks by the day of the first stamp."""
_A_DAY, _SPARSE = 86400, 20
"""Seconds; a distance by which fewer than one in so many steps has a stamp is no distance."""
_SEASONS = {"Y": 1, "A": 1, "Q": 4, "M": 12, "W": 52, "B": 5, "D": 7}
_SUBDAILY = {"h": 3600, "min": 60, "T": 60, "s": 1, "S": 1}


@dataclasses.dataclass(frozen=True)
class Clock:
    """Equal steps of time, numbered from 0.

    `freq` is a frequency alias of pandas ("MS", "15min"), or a number where times are numbers; `start` is the instant
    of step 0. Without both, steps are told by their numbers.
    """

    freq: str | float = ""
    start: str | float = 0.0

    def stamps(self, first: int, n: int) -> list[Any]:
        """What the `n` instants from step `first` on are called: ISO stamps, or numbers.

        >>> Clock("MS", "1960-11-01").stamps(1, 2), Clock(2.0, 10.0).stamps(1, 2), Clock().stamps(7, 1)
        (['1960-12-01', '1961-01-01'], [12.0, 14.0], [7])
        """
        if isinstance(self.freq, str) and self.freq:
            import pandas as pd
            from pandas.tseries.frequencies import to_offset

            start, step = pd.Timestamp(self.start), to_offset(self.freq)
            assert step is not None, "an alias that was found by pandas"
            found = pd.date_range(start + first * step if first else start, periods=n, freq=step)
            whole_days = bool((found == found.normalize()).all())
            return [each.strftime("%Y-%m-%d") if whole_days else each.isoformat() for each in found]
        if isinstance(self.freq, str):
            return list(range(first, first + n))
        return [float(self.start) + self.freq * step for step in range(first, first + n)]

    def seconds(self, step: int) -> float | None:
        """The instant of a step, in seconds since 1970 or in the unit of numbers; `None` of steps without times.

        >>> Clock("D", "1970-01-02").seconds(1), Clock().seconds(1)
        (172800.0, None)
        """
        if isinstance(self.freq, str) and not self.freq:
            return None
        (found,) = self.stamps(step, 1)
        return float(np.datetime64(found, "ns").astype(np.int64)) / 1e9 if isinstance(found, str) else float(found)

    @property
    def season(self) -> int:
        """Steps of the usual season for stamps so far apart; 0 where the distance tells none.

        The year of months and quarters, the week of days, the day of what is shorter (as in the M competitions).

        >>> [Clock(freq).season for freq in ("MS", "QE-DEC", "B", "D", "h", "15min", "")]
        [12, 4, 5, 7, 24, 96, 0]
        """
        if not isinstance(self.freq, str) or not self.freq:
            return 0
        digits = len(self.freq) - len(self.freq.lstrip("0123456789"))
        every, name = int(self.freq[:digits] or 1), self.freq[digits:]
        if name in _SUBDAILY:
            length = every * _SUBDAILY[name]
            return _A_DAY // length if _A_DAY % length == 0 and length < _A_DAY else 0
        found = _SEASONS.get(name[:1], 0)
        return max(1, found // every) if found % every == 0 else 0


def clock_of(times: Sequence[npt.NDArray[Any]]) -> tuple[Clock, list[npt.NDArray[np.int64]]]:
    """The clock of several series' times, and the step that each of their times is at.

    `times` are arrays of `datetime64` or of numbers, each ascending and without repetition. The distance of the steps
    is the one at which all stamps lie; months, quarters and years are as long as the calendar has them.

    Raises:
        DataError: the times lie at no fixed distance.

    >>> clock, (steps,) = clock_of([np.array(["2024-01-01", "2024-02-01", "2024-04-01"], "datetime64[D]")])
    >>> clock.freq, steps.tolist()
    ('MS', [0, 1, 3])
    """
    every = np.unique(np.concatenate([np.asarray(each) for each in times]))
    if np.issubdtype(every.dtype, np.number):
        return _of_numbers(every.astype(np.float64), times)
    import pandas as pd

    stamps = pd.DatetimeIndex(every)
    freq = _frequency(stamps)
    grid = pd.date_range(stamps[0], stamps[-1], freq=freq)
    steps = [np.asarray(grid.get_indexer(pd.DatetimeIndex(each)), dtype=np.int64) for each in times]
    return Clock(freq, stamps[0].isoformat()), steps


def _of_numbers(
    every: npt.NDArray[np.float64], times: Sequence[npt.NDArray[Any]]
) -> tuple[Clock, list[npt.NDArray[np.int64]]]:
    gaps = np.diff(every)
    step = float(gaps.min()) if len(gaps) else 1.0
    places = [(np.asarray(each, dtype=np.float64) - every[0]) / step for each in times]
    if any(np.abs(place - place.round()).max(initial=0.0) > 1e-3 for place in places):
        raise _irregular(f"{every[0]:g}, {every[1]:g}, {every[2]:g}")
    return Clock(step, float(every[0])), [place.round().astype(np.int64) for place in places]


def _frequency(stamps: Any) -> str:
    """The alias of the longest distance at which all stamps lie."""
    import pandas as pd

    if len(stamps) < 3:
        raise DataError(f"{len(stamps)} different time(s)", expected="at least three, to tell how far apart they are")
    if (found := pd.infer_freq(stamps)) is not None:
        return str(found)
    weekly = f"W-{stamps[0].strftime('%a').upper()}"
    shortest = stamps.to_series().diff().min()
    for freq in (*_COARSE[:6], weekly, *_COARSE[6:8], shortest, *_COARSE[8:]):
        grid = pd.date_range(stamps[0], stamps[-1], freq=freq)
        if len(stamps) >= len(grid) / _SPARSE and bool(stamps.isin(grid).all()):
            return str(grid.freqstr)
    raise _irregular(", ".join(str(stamp) for stamp in stamps[:3]))


def _irregular(first: str) -> DataError:
    return DataError(
        f"the times {first}, ... lie at no fixed distance",
        expected="one value a minute, an hour, a day, ...; some may be missing",
        do="resample the series to equal steps first",
    )
