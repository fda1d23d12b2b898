"""Two contenders on the same folds: is one better, as good, or can this data not tell?

The bootstrap over samples answers for these trained models on new samples. Other training samples would have made other
models, and folds share most of theirs, so the plain t-test over folds is too sure; the corrected one is not.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

from warmstart.data.schema import IntArray
from warmstart.evaluation.compare import NO_DIFFERENCE, ROPE
from warmstart.evaluation.comparison import Finding, Gain
from warmstart.evaluation.interval import LEVEL, Interval
from warmstart.evaluation.intervals import paired, samples_needed

Values = npt.NDArray[np.float64]
PRIOR = 4
"""Degrees of freedom that the variance expected from held-out samples counts for."""


def corrected_t(differences: npt.ArrayLike, ratio: float, sampling: float) -> tuple[float, float, int] | None:
    """Mean, standard error and degrees of freedom of per-fold differences (j,); `None` with fewer than two.

    The variance of the mean is (1/j + ratio) s^2, with `ratio` the held-out samples over the training samples of a
    fold: Nadeau & Bengio 2003, eq. 9; for repeated folds Bouckaert & Frank 2004, eq. 2. With the flat prior it is the
    posterior of Corani & Benavoli 2015, eq. 9, too. A few folds say little of s^2, and that part of it which held-out
    samples bring is known much better, from the samples: `sampling` is that variance of one fold's difference. So
    s^2 = (4 sampling + (j - 1) s_folds^2) / (j + 3) with j + 3 degrees of freedom, as in the moderated t of Smyth 2004.

    Simulated with a stable and an unstable classifier (`benchmarks/micro/paired_folds.py`: 200 samples, 2 to 10 folds):
    of equally good pairs a difference is claimed in 0 to 4 % where the bootstrap alone claims one in 7 to 19 % and the
    unmoderated t in 1 to 6 %. A true one is found in 2 to 12 points more of the cases than by that with the stable one,
    and in 8 points fewer to 1 more with the other.

    >>> mean, error, freedom = corrected_t([0.02, 0.04, 0.03], ratio=0.5, sampling=0.0001)
    >>> round(mean, 4), round(error, 4), freedom
    (0.03, 0.0091, 6)
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return None
    freedom = PRIOR + len(values) - 1
    spread = (PRIOR * sampling + (len(values) - 1) * float(values.var(ddof=1))) / freedom
    return float(values.mean()), math.sqrt((1 / len(values) + ratio) * spread), freedom


def p_value(found: tuple[float, float, int]) -> float:
    """Two-sided p of what `corrected_t` found.

    >>> p_value((0.0, 0.0, 6))
    1.0
    """
    mean, error, freedom = found
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * t.sf(abs(mean) / error, freedom))


def chances(found: tuple[float, float, int]) -> tuple[float, float, float]:
    """Probabilities that the true difference lies above, within and below ±`ROPE`, from what `corrected_t` found.

    Bayesian correlated t-test (Corani & Benavoli 2015): a Student distribution around the mean.

    >>> [round(p, 2) for p in chances((0.11, 0.01, 7))]
    [1.0, 0.0, 0.0]
    """
    mean, error, freedom = found
    if error == 0:
        return float(mean > ROPE), float(abs(mean) <= ROPE), float(mean < -ROPE)
    above, below = (float(t.sf((ROPE - sign * mean) / error, freedom)) for sign in (1, -1))
    return above, max(0.0, 1 - above - below), below


def holm(p: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted for their number (Holm 1979); those that are `None` stay so and do not count.

    >>> holm([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    known = sorted((value, i) for i, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    highest = 0.0
    for rank, (value, i) in enumerate(known):
        highest = max(highest, min(1.0, value * (len(known) - rank)))
        adjusted[i] = highest
    return adjusted


@dataclasses.dataclass(frozen=True)
class Pair:
    """What two contenders did on the same samples.

    `a` and `b` (n,): the share of seeds in which each sample was right. `units` (n,) number what belongs together.
    `differences` (j,): of the metric in each trial; `sampling`: the variance of one of them that its held-out samples
    explain; `ratio`: held-out over training samples.
    """

    a: Values
    b: Values
    units: IntArray
    differences: Values
    sampling: float
    ratio: float


def gain(than: str, pair: Pair, *, seed: int = 0) -> Gain:
    """`a` over `b`, before the p-value is adjusted; see `adjusted`."""
    interval = paired(pair.a, pair.b, seed, pair.units)
    found = corrected_t(pair.differences, pair.ratio, pair.sampling)
    better, equal, worse = (None, None, None) if found is None else chances(found)
    p = None if found is None else p_value(found)
    finding = _finding(interval, p)
    needed = _needed(interval, len(np.unique(pair.units))) if finding == NO_DIFFERENCE else None
    return Gain(than, interval, p, better, equal, worse, ROPE, finding, needed)


def adjusted(gains: Sequence[Gain]) -> list[Gain]:
    """The gains of one comparison with their p-values adjusted for their number, and what they come to then."""
    by_holm = holm([one.p for one in gains])
    return [
        dataclasses.replace(one, p=p, finding=_finding(one.interval, p)) for one, p in zip(gains, by_holm, strict=True)
    ]


def _finding(interval: Interval, p: float | None) -> Finding:
    """Both have to agree: these models differ on new samples, and other training samples would not change that."""
    if interval.low >= -ROPE and interval.high <= ROPE:
        return "as good"
    if p is not None and p <= 1 - LEVEL:
        if interval.low > 0:
            return "better"
        if interval.high < 0:
            return "worse"
    return "no difference that this data can show"


def _needed(interval: Interval, n: int) -> int | None:
    """Samples in all that a difference of the size observed would take; `None` if those at hand should have done."""
    sd = (interval.high - interval.low) / (2 * float(norm.ppf((1 + LEVEL) / 2))) * math.sqrt(n)
    needed = samples_needed(interval.value, sd)
    return needed if needed is not None and needed > n else None
