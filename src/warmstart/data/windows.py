"""From series to windows: where forecasts are made from, how much each sees, and after how many steps a season ends.

Every choice that is made from values is made from the first part of the time (`Asked.until`), which nothing but
training data lies in, in whatever way the windows are divided afterwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from warmstart.data.clock import Clock
from warmstart.data.futures import ForecastTarget, Window
from warmstart.data.history import Histories, History
from warmstart.data.names import some
from warmstart.data.schema import Dataset, Sample
from warmstart.errors import DataError
from warmstart.preprocess.series import filled

FloatArray = npt.NDArray[np.float64]
MOST = 10_000
"""Windows, at most; of longer data every second origin is taken, or every third, ..."""
PAST = 4096
"""Steps before an origin that are kept for what does not read the context alone."""
_LEAST_CONTEXT, _SEASONS, _HORIZONS = 32, 2, 3
"""A context is as long as the longest of: 32 steps, two seasons, three horizons; where the data has room."""
_PEAK, _NEAR, _CYCLES = 0.3, 0.9, 3
"""A season is a lag whose autocorrelation is at least 0.3; the shortest within 90 % of the best. Three must be seen."""
_MOST_SERIES = 200
"""Series that a season is looked for in, at most."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was asked for; what is `None` is found. Windows will be divided by `val` and `test`, or into `folds`."""

    horizon: int
    context: int | None = None
    season: int | None = None
    val: float = 0.2
    test: float = 0.2
    folds: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("horizon", 1), ("context", 2), ("season", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise DataError(f"a {name} of {value}", expected=f"a number of steps, at least {least}")

    def until(self, first: int, end: int) -> int:
        """The step up to which values may be looked at, of series that lie between two steps."""
        if self.folds is not None:
            return first + (end - first) // (self.folds + 1)
        held = [max(self.horizon, round(share * (end - first))) for share in (self.val, self.test) if share]
        return max(first, end - sum(held))


def windows_of(found: Histories, asked: Asked) -> Dataset:
    """All windows of some series, in order of time, with a target that says what is forecast.

    Raises:
        DataError: the series are too short for a context and a horizon.

    >>> from warmstart.data.sources.histories import read_histories
    >>> data = windows_of(read_histories(np.arange(20.0)), Asked(horizon=2, context=4, season=1))
    >>> len(data), data.samples[0].id, data.samples[0].label[:2], data.samples[0].source.values.tolist()
    (15, 'series-0@4', (4.0, 5.0), [[0.0, 1.0, 2.0, 3.0]])
    """
    season, how = (asked.season, "as asked") if asked.season else season_of(found, asked)
    context = asked.context or _context(found, asked, season)
    target = ForecastTarget(asked.horizon, context, season, how=how)
    notes = [*found.notes, f"season: {season} step(s), {how}" if season > 1 else f"no season: {how}"]
    notes.append(
        f"each forecast sees {context} steps{'' if asked.context else ', by default'}, and tells {asked.horizon}"
    )
    origins = [_origins(one, target) for one in found.every]
    if short := [one.id for one, steps in zip(found.every, origins, strict=True) if not len(steps)]:
        if len(short) == len(found.every):
            raise _too_short(found, target)
        notes.append(f"{len(short)} series too short for a context and a horizon are left out: {some(short, 3)}")
    every = -(-sum(map(len, origins)) // MOST)
    if every > 1:
        notes.append(f"windows begin every {every} steps, so that there are no more than {MOST}")
        origins = [steps[::-1][::every][::-1] for steps in origins]
    samples, blank = [], 0
    for one, steps in zip(found.every, origins, strict=True):
        for step in steps.tolist():
            sample = _sample(one, int(step), target, found.clock)
            samples += [] if sample is None else [sample]
            blank += sample is None
    if blank:
        notes.append(f"{blank} windows without a known value before, or after, their origin are left out")
    if flat := [one.id for one in found.every if _constant(one.values)]:
        notes.append(f"{len(flat)} series are constant, errors on them are told in their own unit: {some(flat, 3)}")
    samples.sort(key=lambda sample: sample.time or 0.0)
    if not samples:
        raise _too_short(found, target)
    return Dataset(tuple(samples), target, found.name, notes=tuple(notes))


def latest(found: Histories, target: ForecastTarget) -> tuple[Sample, ...]:
    """What is to be answered for: the end of each series, without a future; one without any value has no context."""
    return tuple(Sample(one.id, window_at(one, one.end, target, found.clock)) for one in found.every)


def window_at(one: History, step: int, target: ForecastTarget, clock: Clock) -> Window:
    """The window of a series at an origin. A past shorter than the context has missing values before it."""
    known = one.values[: step - one.at]
    context = known[-target.context :]
    if len(context) < target.context:
        context = np.concatenate([np.full(target.context - len(context), np.nan), context])
    seconds = clock.seconds(step - target.context)
    ahead = tuple(clock.stamps(step, target.horizon)) if step == one.end else ()
    return Window(context[None], start=seconds, past=known[-max(PAST, target.context) :], step=step, ahead=ahead)


def _sample(one: History, step: int, target: ForecastTarget, clock: Clock) -> Sample | None:
    window = window_at(one, step, target, clock)
    if not np.isfinite(window.values).any():
        return None
    label = target.label(window, one.values[step - one.at : step - one.at + target.horizon])
    if label is None:
        return None
    return Sample(f"{one.id}@{clock.stamps(step, 1)[0]}", window, label, time=float(step))


def _origins(one: History, target: ForecastTarget) -> npt.NDArray[np.int64]:
    """Steps of a series with a whole context before and a whole horizon behind them."""
    return np.arange(one.at + target.context, one.end - target.horizon + 1, dtype=np.int64)


def _constant(values: FloatArray) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 0 and bool((known == known[0]).all())


def _too_short(found: Histories, target: ForecastTarget) -> DataError:
    longest = max(len(one.values) for one in found.every)
    return DataError(
        f"a horizon of {target.horizon} after a context of {target.context}, in series of {longest} steps at most",
        expected="series longer than both together, and longer by more than two horizons to learn, choose and test",
        do="ask for a shorter horizon (--horizon) or context (--context), or give longer series",
    )


def _context(found: Histories, asked: Asked, season: int) -> int:
    """What a forecast sees by default: less where half of the time to learn from would not be left for origins."""
    wanted = max(_LEAST_CONTEXT, _SEASONS * season, _HORIZONS * asked.horizon)
    longest = max(len(one.values) for one in found.every)
    room = (asked.until(0, longest) - asked.horizon) // 2
    return max(2, min(wanted, room))


def season_of(found: Histories, asked: Asked) -> tuple[int, str]:
    """After how many steps a pattern repeats, and how that was found.

    By the distance of the stamps, where the series are as long as three such seasons; otherwise the lag at which the
    autocorrelation of the detrended series, mean over series, peaks in what may be looked at.

    >>> from warmstart.data.sources.histories import read_histories
    >>> season_of(read_histories(np.tile([1.0, 5.0, 2.0, 2.0, 0.0], 20)), Asked(horizon=2))
    (5, 'found by autocorrelation')
    """
    usual = found.clock.season
    if usual and usual * _CYCLES <= max(len(one.values) for one in found.every):
        return usual, f"by the distance of the stamps ({found.clock.freq})"
    first, end = min(each.at for each in found.every), max(each.end for each in found.every)
    limit = asked.until(first, end)
    seen = [one.values[: max(0, limit - one.at)] for one in found.every[:_MOST_SERIES]]
    longest = max(map(len, seen), default=0)
    lags = longest // _CYCLES
    if lags < 2:
        return 1, "too few values to find one"
    found_at = _peak(_autocorrelation(seen, lags))
    return (found_at, "found by autocorrelation") if found_at > 1 else (1, "none is seen in the autocorrelation")


def _autocorrelation(series: Sequence[FloatArray], lags: int) -> FloatArray:
    """Mean over the series that are long enough, at lags 0..lags."""
    total, count = np.zeros(lags + 1), np.zeros(lags + 1)
    for values in series:
        if len(values) < 4 or not np.isfinite(values).any():
            continue
        row = filled(values[None])[0]
        steps = np.arange(len(row))
        row = row - np.polyval(np.polyfit(steps, row, 1), steps)
        power = float(row @ row)
        if power <= 1e-12 * max(1.0, float(np.abs(values[np.isfinite(values)]).max()) ** 2):
            continue
        most = min(lags, len(row) // _CYCLES)
        spectrum = np.abs(np.fft.rfft(row, 2 * len(row))) ** 2
        total[: most + 1] += np.fft.irfft(spectrum)[: most + 1] / power
        count[: most + 1] += 1
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _peak(correlation: FloatArray) -> int:
    """The shortest lag that is a peak and within reach of the highest one; 1 where there is none."""
    inner = correlation[1:-1]
    peaks = 1 + np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:]))
    peaks = peaks[(peaks > 1) & (correlation[peaks] >= _PEAK)]
    if not len(peaks):
        return 1
    return int(peaks[correlation[peaks] >= _NEAR * correlation[peaks].max()][0])
