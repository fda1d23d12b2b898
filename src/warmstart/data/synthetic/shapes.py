"""What the processes of `warmstart.data.synthetic` are made of: smooth curves, warps of time, coloured noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Rng = np.random.Generator


def between(share: float, low: float, high: float) -> float:
    """The number that lies at `share` of the way from `low` to `high`."""
    return low + float(share) * (high - low)


def times(share: float, low: float, high: float) -> float:
    """The same on a scale of ratios: half of the way from 1 to 100 is 10."""
    return float(low * (high / low) ** share)


def noise(rng: Rng, n: int, steps: int, colour: float = 0.0) -> Array:
    """Gaussian noise (n, steps) of standard deviation 1, whose power falls as frequency ** -colour."""
    spectrum = np.fft.rfft(rng.standard_normal((n, steps)))
    rate = np.arange(spectrum.shape[1], dtype=np.float64)
    rate[0] = 1.0
    spectrum *= rate ** (-colour / 2)
    if colour:
        spectrum[:, 0] = 0
    return unit(np.fft.irfft(spectrum, steps))


def unit(values: Array) -> Array:
    """Each row with mean 0 and standard deviation 1; a constant one is zeros.

    >>> unit(np.array([[1.0, 3.0], [2.0, 2.0]])).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    centred = values - values.mean(1, keepdims=True)
    spread = centred.std(1, keepdims=True)
    out: Array = centred / np.where(spread > 1e-9, spread, np.inf)
    return out


def curve(heights: Array, places: Array) -> Array:
    """The curve through `heights` (k,), equally far apart from 0 to 1, at `places` (n, steps): smooth, with no knee.

    Between two heights it follows half a cosine, so that it is level at each.
    """
    at = np.clip(places, 0, 1) * (len(heights) - 1)
    left = np.minimum(at.astype(np.int64), len(heights) - 2)
    share = (1 - np.cos(np.pi * (at - left))) / 2
    out: Array = heights[left] * (1 - share) + heights[left + 1] * share
    return out


def warped(rng: Rng, n: int, steps: int, strength: float, knots: int = 6) -> Array:
    """Places from 0 to 1 (n, steps) that run on unevenly: each row is a time of its own, which never runs backwards."""
    speed = np.exp(strength * rng.standard_normal((n, knots)))
    grid = np.linspace(0, knots - 1, steps)
    left = np.minimum(grid.astype(np.int64), knots - 2)
    pace = speed[:, left] * (1 - grid + left) + speed[:, left + 1] * (grid - left)
    run = np.cumsum(pace, axis=1)
    out: Array = (run - run[:, :1]) / (run[:, -1:] - run[:, :1])
    return out


def bumps(places: Array, centre: Array, width: Array, height: Array) -> Array:
    """Sum of bell curves: places (n, steps); centre, width and height (n, k) or (k,)."""
    out = np.zeros_like(places)
    centre, width, height = (np.broadcast_to(a, (len(places), np.shape(a)[-1])) for a in (centre, width, height))
    for k in range(centre.shape[1]):
        out += height[:, k, None] * np.exp(-0.5 * ((places - centre[:, k, None]) / width[:, k, None]) ** 2)
    return out


def slid(values: Array, shift: npt.NDArray[np.int64]) -> Array:
    """Rows (n, steps) each moved on by its own number of steps, what leaves at the end entering at the start."""
    steps = values.shape[1]
    out: Array = np.take_along_axis(values, (np.arange(steps) - shift[:, None]) % steps, axis=1)
    return out
