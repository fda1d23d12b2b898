"""Draws of Gaussian processes with composed kernels (KernelSynth, Ansari et al. 2024, section 4.2 of Chronos)."""

from __future__ import annotations

import numpy as np

from warmstart.data.synthetic.shapes import Array, Rng, between, times

_JITTER = 1e-5
"""On the diagonal, so that a factor exists in floating point."""


def kernel(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """Draws of a sum or product of one to three kernels; where the level is known, it is the same in all draws."""
    time = np.linspace(0, 1, steps)
    covariance = _one(theta[2:5], time)
    for k in range(int(theta[0] * 3)):
        other = _one(theta[5 + 3 * k : 8 + 3 * k], time)
        covariance = covariance * other if theta[11 + k] > 0.6 else covariance + other
    factor = np.linalg.cholesky(covariance + (_JITTER + times(theta[14], 1e-5, 0.3)) * np.eye(steps))
    common = np.random.default_rng(int(theta[15] * 2**40)).standard_normal(steps)
    share = 0.0 if theta[1] < 0.4 else between(theta[1], 0.3, 0.97)  # of the draw that all have in common
    out: Array = (share * common + np.sqrt(1 - share**2) * rng.standard_normal((n, steps))) @ factor.T
    return out


def _one(theta: Array, time: Array) -> Array:
    """A kernel of the bank on times (steps,): smooth, rough, periodic, of many lengths, or linear."""
    which, length = int(theta[0] * 5), times(theta[1], 0.01, 0.5)
    apart = np.abs(time[:, None] - time[None])
    if which == 0:
        found = np.exp(-0.5 * (apart / length) ** 2)
    elif which == 1:
        found = (1 + np.sqrt(3) * apart / length) * np.exp(-np.sqrt(3) * apart / length)
    elif which == 2:
        wave = np.sin(np.pi * apart * times(theta[1], 1, 30))
        found = np.exp(-2 * (wave / between(theta[2], 0.3, 2)) ** 2)
    elif which == 3:
        found = (1 + apart**2 / (2 * between(theta[2], 0.1, 2) * length**2)) ** -between(theta[2], 0.1, 2)
    else:
        found = np.outer(time - theta[1], time - theta[1]) * 4 + 0.1
    return np.asarray(found, dtype=np.float64)
