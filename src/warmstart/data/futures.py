"""What a forecast is asked for: the next values of a series, by quantiles, and what measuring them needs.

A sample is a *window*: the values up to an instant, its origin, and the `horizon` values after it. All that is said of
a window beside its future comes from its past: the season's last values (the base from which a forecast departs), the
scale of its context, the error that the seasonal naive forecast has made so far (MASE's denominator; Hyndman & Koehler
2006, "Another look at measures of forecast accuracy"), and what that forecast, with quantiles, loses on this window.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import Series
from warmstart.data.targets import UNKNOWN, IntArray, Label, Labels
from warmstart.preprocess.series import FLAT, filled

FloatArray = npt.NDArray[np.float64]
QUANTILES = tuple(round(0.1 * i, 1) for i in range(1, 10))
"""Deciles, as in the evaluations of Chronos and GIFT-Eval: they bound the interval that holds 80 %."""
RESIDUALS = 300
"""Errors of the past, the last ones, that quantiles of a naive forecast are taken of."""
_MANY = 30
"""Of these errors, so many that the same ones can be taken for every step of the horizon."""


@dataclasses.dataclass(frozen=True, eq=False)
class Window(Series):
    """The context of a forecast (1, context) as a backbone reads it, with what else is known at its origin.

    `past` (steps,) are the values up to the origin, of which the context is the end; `step` is the origin: the number
    of the first step that is not known, on the clock of the data; `ahead` is what the instants from there are called.
    """

    past: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(1))
    step: int = 0
    ahead: tuple[Any, ...] = ()


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What is known of some windows' futures, one row each, as a label or a target holds it.

    `values` (n, horizon) are in units of the network in a target (their distance from `base` over `scale`) and as the
    user gave them in a label; NaN where missing. `unit` (n,) is what errors are divided by to be those of MASE,
    `reference` (n,) the mean quantile loss of the seasonal naive forecast, over `unit`; `origin` (n,) the step.
    """

    values: Any
    base: Any
    scale: Any
    unit: Any
    reference: Any
    origin: Any

    EXTRA: ClassVar[int] = 4

    @classmethod
    def of(cls, rows: Any) -> Forecast:
        """Of an array or tensor (n, 2 horizon + 4)."""
        horizon = (rows.shape[1] - cls.EXTRA) // 2
        values, base = rows[:, :horizon], rows[:, horizon : 2 * horizon]
        return cls(values, base, *(rows[:, 2 * horizon + k] for k in range(cls.EXTRA)))


@dataclasses.dataclass(frozen=True)
class ForecastTarget:
    """The next `horizon` values of a series, given its last `context`.

    `season` is the number of steps after which a pattern repeats; 1 where none does. `how` says where it is from.
    """

    horizon: int
    context: int
    season: int = 1
    quantiles: tuple[float, ...] = QUANTILES
    how: str = ""
    kind: Literal["forecast"] = "forecast"

    @property
    def classes(self) -> tuple[str, ...]:
        """A name for each output: step after step, its quantiles.

        >>> ForecastTarget(2, 4, quantiles=(0.1, 0.9)).classes
        ('+1 q0.1', '+1 q0.9', '+2 q0.1', '+2 q0.9')
        """
        return tuple(f"+{step} q{level:g}" for step in range(1, self.horizon + 1) for level in self.quantiles)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ForecastTarget:
        """Inverse of `to_dict`. Raises `ValueError` for what is none."""
        try:
            steps = {name: int(data[name]) for name in ("horizon", "context", "season")}
            levels = tuple(float(level) for level in data["quantiles"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"no target of forecasts: {error!r}") from error
        if min(steps.values()) < 1 or not levels or not all(0 < level < 1 for level in levels):
            raise ValueError(f"no target of forecasts: {data}")
        how = str(data.get("how", ""))
        return cls(steps["horizon"], steps["context"], steps["season"], quantiles=levels, how=how)

    def encode(self, labels: Labels) -> npt.NDArray[np.float32]:
        """What a loss takes (n, 2 horizon + 4): see `Forecast`; values are NaN where unknown.

        >>> target, window = ForecastTarget(1, 2), Window(np.array([[1.0, 3.0]]), past=np.array([1.0, 3.0]))
        >>> target.encode([target.label(window, np.array([5.0]))])[0, :3].tolist()
        [2.0, 3.0, 1.0]
        """
        width = 2 * self.horizon + Forecast.EXTRA
        unknown = (*([np.nan] * self.horizon), *([0.0] * self.horizon), 1.0, 1.0, 0.0, 0.0)
        rows = np.array([unknown if label is None else label for label in labels], dtype=np.float64)
        rows = rows.reshape(len(labels), width)
        known = Forecast.of(rows)
        rows[:, : self.horizon] = (known.values - known.base) / known.scale[:, None]
        return rows.astype(np.float32)

    def strata(self, labels: Labels) -> IntArray:
        """All of one kind: windows are divided by time."""
        return np.array([UNKNOWN if label is None else 0 for label in labels], dtype=np.int64)

    def label(self, window: Window, future: FloatArray) -> Label | None:
        """What a window is labelled with; `None` where no value of its `future` (horizon,) is known."""
        if not np.isfinite(future).any():
            return None
        past = known_past(window.past)
        unit = seasonal_error(past, self.season)
        base, spread = naive_quantiles(past, self.horizon, self.season, self.quantiles)
        reference = float(np.nanmean(pinball(base[:, None] + spread, future[:, None], self.quantiles))) / unit
        numbers = [*future, *base, self.scale(window), unit, reference, float(window.step)]
        return tuple(float(number) for number in numbers)

    def base(self, window: Window) -> FloatArray:
        """The values (horizon,) that a forecast departs from: those of the last season, again and again."""
        return seasonal_naive(known_past(window.past), self.horizon, self.season)

    def scale(self, window: Window) -> float:
        """Standard deviation of the context; of a constant one the seasonal error of its past, or 1."""
        context = filled(np.asarray(window.values, dtype=np.float64))[0]
        spread = float(context.std())
        if spread > FLAT * max(float(np.abs(context).max()), 1e-12):
            return spread
        return seasonal_error(known_past(window.past), self.season)


def known_past(past: FloatArray) -> FloatArray:
    """Values (steps,) without missing ones, by the rule of `warmstart.preprocess.series.filled`."""
    return np.asarray(filled(np.asarray(past, dtype=np.float64)[None])[0])


def seasonal_naive(past: FloatArray, horizon: int, season: int) -> FloatArray:
    """The last season again (horizon,); of a past shorter than a season, the last value.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0, 4.0]), 3, 2).tolist()
    [3.0, 4.0, 3.0]
    """
    season = season if len(past) >= season else 1
    return np.asarray(past[len(past) - season + np.arange(horizon) % season])


def seasonal_error(past: FloatArray, season: int) -> float:
    """Mean absolute error of the seasonal naive forecast one season ahead, in the past.

    Where that is zero, or the past is no longer than a season, that of the naive forecast; where that is zero too (a
    constant series), 1: errors are then told in the user's unit.

    >>> seasonal_error(np.array([1.0, 2.0, 3.0, 5.0]), 2), seasonal_error(np.full(9, 4.0), 2)
    (2.5, 1.0)
    """
    for lag in (season, 1):
        if len(past) > lag:
            error = float(np.abs(past[lag:] - past[:-lag]).mean())
            if error > FLAT * max(float(np.abs(past).max()), 1e-12):
                return error
    return 1.0


def naive_quantiles(
    past: FloatArray, horizon: int, season: int, levels: Sequence[float]
) -> tuple[FloatArray, FloatArray]:
    """The seasonal naive forecast (horizon,), and what its quantiles add to it (horizon, levels).

    They are those of the errors it has made in the past as many seasons ahead (the last 300), and of the same to the
    other side: the forecast itself is the median. A past too short to have made two has no spread.

    >>> base, spread = naive_quantiles(np.array([0.0, 1.0, 0.0, 1.0, 0.0]), 1, 1, (0.1, 0.5, 0.9))
    >>> base.tolist(), spread.round(1).tolist()
    ([0.0], [[-1.0, 0.0, 1.0]])
    """
    season = season if len(past) >= season else 1
    spread, most = np.zeros((horizon, len(levels))), -(-horizon // season)
    if len(past) - most * season >= _MANY:
        lags = season * np.arange(1, most + 1)
        last = len(past) - np.arange(1, min(RESIDUALS, len(past) - lags[-1]) + 1)
        found = to_both_sides(past[last][:, None] - past[last[:, None] - lags], levels)
        return seasonal_naive(past, horizon, season), found[np.arange(horizon) // season]
    for ahead in range(1, most + 1):
        lag = ahead * season
        if len(past) - lag >= 2:
            rows = slice((ahead - 1) * season, min(ahead * season, horizon))
            spread[rows] = to_both_sides((past[lag:] - past[:-lag])[-RESIDUALS:], levels)
        elif ahead > 1:  # errors so far ahead are unknown: those of one season less
            spread[(ahead - 1) * season :] = spread[(ahead - 1) * season - 1]
            break
    return seasonal_naive(past, horizon, season), spread


def to_both_sides(errors: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Quantiles (..., levels) of errors (n, ...) and of their opposites.

    A forecast that is always too low has wide quantiles, and its own value for a median.
    """
    found = np.quantile(np.concatenate([errors, -errors]), levels, axis=0)
    return np.asarray(np.moveaxis(found, 0, -1), dtype=np.float64)


def pinball(said: FloatArray, truth: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Quantile loss (..., levels) of quantiles said (..., levels); 2 rho, so that of the median is the absolute error.

    Koenker & Bassett 1978, "Regression quantiles".

    >>> pinball(np.array([[1.0, 2.0]]), np.array([[3.0]]), (0.1, 0.5)).round(2).tolist()
    [[0.4, 1.0]]
    """
    error = truth - said
    at = np.asarray(levels)
    return np.asarray(2 * np.maximum(at * error, (at - 1) * error))
