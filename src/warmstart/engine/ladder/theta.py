"""The Theta method (Assimakopoulos & Nikolopoulos 2000), which won the M3 competition, with seasons and quantiles.

A seasonal series is adjusted first, where its autocorrelation at the season is significant at 90 %, as there: by the
mean of each season's part about a moving average, added or, where all values are positive, as a factor. What is left is
forecast by aeon's Theta. It is simple exponential smoothing with drift (Hyndman & Billah 2003, "Unmasking the Theta
method"), so that errors h steps ahead are as much wider as sqrt(1 + (h - 1) alpha^2) than those of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from warmstart.data.futures import FloatArray, to_both_sides
from warmstart.errors import TrainingError

LEAST = 6
"""Values below which the last one is the forecast."""
_SIGNIFICANT = 1.645
"""Standard errors of the autocorrelation at the season (two-sided 90 %)."""


def theta_quantiles(past: FloatArray, horizon: int, season: int, levels: Sequence[float]) -> FloatArray:
    """Quantiles (horizon, levels) of what follows a past (steps,).

    Raises:
        TrainingError: aeon is not installed.

    >>> line = np.arange(40.0)
    >>> theta_quantiles(line, 2, 1, (0.5,)).round(1).tolist()
    [[39.5], [40.0]]
    """
    if len(past) < LEAST or float(np.ptp(past)) == 0.0:
        return np.full((horizon, len(levels)), past[-1])
    pattern, factor = season_pattern(past, season)
    at = np.arange(len(past)) % len(pattern)
    ahead = (len(past) + np.arange(horizon)) % len(pattern)
    adjusted = past / pattern[at] if factor else past - pattern[at]
    model = _theta().fit(adjusted)
    point = np.asarray(model.iterative_forecast(adjusted, horizon), dtype=np.float64)
    wider = np.sqrt(1 + np.arange(horizon) * model.alpha_**2)
    spread = to_both_sides(_errors(adjusted, model.a_, model.b_, model.alpha_), levels)
    said = point[:, None] + wider[:, None] * spread
    return np.asarray(said * pattern[ahead, None] if factor else said + pattern[ahead, None])


def season_pattern(past: FloatArray, season: int) -> tuple[FloatArray, bool]:
    """What the places of a season are worth (season,), from step 0 on, and whether that is a factor.

    A series that is shorter than two seasons, or in which no season is significant, has the pattern [0].

    >>> season_pattern(np.tile([1.0, 3.0], 20), 2)[0].round(2).tolist(), season_pattern(np.arange(9.0), 1)[0].tolist()
    ([0.5, 1.5], [0.0])
    """
    if season < 2 or len(past) < 2 * season + 1 or not _seasonal(past, season):
        return np.zeros(1), False
    weights = np.ones(season) if season % 2 else np.array([0.5, *np.ones(season - 1), 0.5])
    trend = np.convolve(past, weights / season, mode="valid")
    inner = slice(len(weights) // 2, len(weights) // 2 + len(trend))
    factor = bool(past.min() > 0 and trend.min() > 0)
    ratio = past[inner] / trend if factor else past[inner] - trend
    place = np.arange(len(past))[inner] % season
    found = np.array([ratio[place == k].mean() if (place == k).any() else float(factor) for k in range(season)])
    pattern = found / found.mean() if factor else found - found.mean()
    return (pattern, factor) if not factor or pattern.min() > 0 else (np.zeros(1), False)


def _seasonal(past: FloatArray, season: int) -> bool:
    row = past - past.mean()
    power = float(row @ row)
    correlation = np.array([float(row[lag:] @ row[: len(row) - lag]) / power for lag in range(1, season + 1)])
    error = np.sqrt((1 + 2 * float((correlation[:-1] ** 2).sum())) / len(past))
    return bool(abs(float(correlation[-1])) > _SIGNIFICANT * error)


def _errors(values: FloatArray, start: float, slope: float, alpha: float) -> FloatArray:
    """Of forecasts one step ahead: half the trend, half a smoothed level of the line with its curvature doubled."""
    from scipy.signal import lfilter

    trend = start + slope * np.arange(len(values))
    line = 2 * values - trend
    level, _ = lfilter([alpha], [1, alpha - 1], line, zi=[(1 - alpha) * line[0]])
    return np.asarray(values[1:] - (trend[1:] + level[:-1]) / 2)


def _theta() -> Any:
    try:
        from aeon.forecasting.stats import Theta
    except ImportError as error:
        raise TrainingError("the Theta method needs aeon", do="pip install 'warmstart[series]'") from error
    return Theta()
