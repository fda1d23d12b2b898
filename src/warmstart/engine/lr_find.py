"""`lr: auto`: the learning-rate range test of Smith (2017, "Cyclical learning rates", section 3.3).

The rate grows geometrically from batch to batch while the loss is watched; the rate to use is where the loss falls most
steeply, and at most a tenth of where it is lowest, since at its lowest point training is about to become unstable.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from warmstart.data.batches import Batch
from warmstart.engine.deadline import Deadline
from warmstart.engine.seeds import derive
from warmstart.engine.watch import NonFiniteError

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 72  # twelve steps per decade
SMOOTHING = 0.8
DIVERGED = 4.0  # times the lowest smoothed loss: the test ends
FALLBACK = 1e-4


def range_test(
    step: Callable[[Batch, int, float], float],
    epochs: Callable[[int], Iterable[Batch]],
    *,
    seed: int,
    deadline: Deadline,
) -> tuple[list[float], list[float]]:
    """Rates tried and the loss seen at each.

    Args:
        step: one step on (batch, seed, rate), on weights that may be spoilt; returns the loss before it.
        epochs: batches of the n-th epoch.
        seed: of the random numbers in the steps.
        deadline: the test ends when it passes.
    """
    batches = itertools.chain.from_iterable(epochs(n) for n in itertools.count())
    rates: list[float] = []
    losses: list[float] = []
    for index, batch in zip(range(STEPS), batches, strict=False):
        rate = LOWEST * (HIGHEST / LOWEST) ** (index / (STEPS - 1))
        try:
            loss = step(batch, derive(seed, "range test", index), rate)
        except NonFiniteError:
            break
        rates.append(rate)
        losses.append(loss)
        lowest = min(smoothed(losses))
        if deadline.passed or smoothed(losses)[-1] > DIVERGED * lowest:
            break
    return rates, losses


def smoothed(losses: Sequence[float]) -> list[float]:
    """Exponential moving average with bias correction (Kingma and Ba 2015, section 3).

    >>> smoothed([1.0, 1.0, 1.0])
    [1.0, 1.0, 1.0]
    """
    mean, out = 0.0, []
    for n, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        out.append(round(mean / (1 - SMOOTHING**n), 12))
    return out


def choose(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate to train at, two significant digits; None if the loss never fell by a hundredth."""
    curve = np.array(smoothed(losses))
    if len(curve) < 3:
        return None
    lowest = int(curve.argmin())
    if lowest < 2 or curve[lowest] > 0.99 * curve[: lowest + 1].max():
        return None
    slope = np.gradient(curve[: lowest + 1], np.log(rates[: lowest + 1]))
    rate = min(rates[int(slope.argmin())], rates[lowest] / 10)
    digits = 1 - math.floor(math.log10(rate))
    return round(rate, digits)
