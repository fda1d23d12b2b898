"""How sure a number is: bootstrap intervals of a mean, of a paired difference, and of confusion-matrix metrics.

The bootstrap draws n samples with replacement. How often each *distinct* value is drawn is multinomial, so that is what
is drawn here: for right/wrong values it costs two numbers per resample instead of n, and the distribution is the same.
Everything follows from the seed. Where samples come in groups, whole groups are drawn (`warmstart.evaluation.units`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray
from warmstart.evaluation.interval import LEVEL, Interval
from warmstart.evaluation.units import resampled_sums, several, widened

Values = npt.NDArray[np.float64]
RESAMPLES = 4000


def resampled_means(values: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """Means of `resamples` bootstrap resamples of `values` (n,); shape (resamples,)."""
    array = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    distinct, counts = np.unique(array, return_counts=True)
    means: Values
    if len(distinct) <= 64:
        means = rng.multinomial(len(array), counts / len(array), size=resamples) @ distinct / len(array)
        return means
    step = max(1, 4_000_000 // len(array))  # at most 32 MB of indices at a time
    parts = [
        array[rng.integers(0, len(array), (min(step, resamples - start), len(array)))].mean(1)
        for start in range(0, resamples, step)
    ]
    means = np.concatenate(parts)
    return means


def bootstrap(
    values: npt.ArrayLike,
    *,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    units: IntArray | None = None,
) -> Interval:
    """95 % interval of the mean of per-sample values (n,), such as right (1) or wrong (0).

    BCa: Efron 1987, "Better bootstrap confidence intervals", with the jackknife acceleration. When all values are equal
    the bootstrap would claim certainty; instead, a kind of sample that was not seen may make up as much of the
    population as 97.5 % confidence leaves open, with any value within `bounds` (for right/wrong values this is Clopper
    and Pearson's exact interval). Raises `ValueError` if there are no values.

    `units` (n,) number what belongs together. Where any has several samples whole units are drawn: percentiles of the
    ratio of sums, widened for few units. One unit says nothing of others: its interval is all that is possible.

    >>> bootstrap([1] * 90 + [0] * 10).value
    0.9
    >>> round(bootstrap([1] * 30).low, 3)
    0.884
    >>> bootstrap([1, 0, 1, 1], units=np.array([5, 5, 5, 5]))
    Interval(value=0.75, low=0.0, high=1.0)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"bootstrap needs values of shape (n,) with n > 0, not {array.shape}")
    whole = several(units)
    if whole is not None:
        return _of_units(array, whole, seed, bounds)
    from scipy.stats import norm  # takes most of a second, which a bundle that answers does without

    value = float(array.mean())
    if bool((array == array[0]).all()):
        return _of_equals(value, len(array), bounds)
    means = resampled_means(array, seed=seed)
    centred = value - array
    centred /= np.abs(centred).max()  # the acceleration has no unit; this keeps its powers from vanishing
    acceleration = float((centred**3).sum() / (6 * (centred**2).sum() ** 1.5))
    # ties count half: means of right/wrong values are discrete
    below = float((means < value).mean() + (means == value).mean() / 2)
    z0 = float(norm.ppf(np.clip(below, 1e-6, 1 - 1e-6)))
    low, high = (_bca_share(z0, acceleration, float(norm.ppf(q))) for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return _between(value, means, low, high)


def _of_equals(value: float, count: int, bounds: tuple[float, float]) -> Interval:
    """See `bootstrap`; `count` samples, or units, have the same value."""
    unseen = 1 - ((1 - LEVEL) / 2) ** (1 / count)
    low, high = min(bounds[0], value), max(bounds[1], value)
    return Interval(value, value - unseen * (value - low), value + unseen * (high - value))


def _of_units(values: Values, units: IntArray, seed: int, bounds: tuple[float, float]) -> Interval:
    """See `bootstrap`; `units` are numbered from 0."""
    value, low, high = float(values.mean()), float(values.min()), float(values.max())
    low, high = min(bounds[0], low), max(bounds[1], high)
    sizes = np.bincount(units)
    if len(sizes) == 1:
        return Interval(value, low, high)
    if np.allclose(np.bincount(units, values) / sizes, value):
        return _of_equals(value, len(sizes), bounds)
    sums = resampled_sums(np.stack([values, np.ones_like(values)], 1), units, resamples=RESAMPLES, seed=seed)
    return widened(value, sums[:, 0] / sums[:, 1], len(sizes)).within(low, high)


def _bca_share(z0: float, acceleration: float, z: float) -> float:
    """The quantile of the bootstrap distribution that BCa takes for the normal quantile `z` (Efron 1987, eq. 2.3)."""
    from scipy.stats import norm

    return float(norm.cdf(z0 + (z0 + z) / (1 - acceleration * (z0 + z))))


def _between(value: float, draws: Values, low: float, high: float) -> Interval:
    return Interval(value, *(float(q) for q in np.quantile(draws, [low, high])))


def paired(a: npt.ArrayLike, b: npt.ArrayLike, seed: int = 0, units: IntArray | None = None) -> Interval:
    """95 % interval of mean(a) - mean(b), values of the same samples in the same order; resampled together.

    `units` (n,) as of `bootstrap`.

    >>> paired([1, 1, 1, 0] * 50, [1, 0, 1, 0] * 50).value
    0.25
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"a paired difference needs the same samples twice, not {first.shape} and {second.shape}")
    return bootstrap(first - second, seed=seed, bounds=(-1.0, 1.0), units=units)


def bootstrap_confusion(
    truth: IntArray,
    said: IntArray,
    classes: int,
    metric: Callable[[Values], Values],
    *,
    resamples: int = 2000,
    seed: int = 0,
    units: IntArray | None = None,
) -> Interval:
    """95 % percentile interval of a metric of the confusion matrix of true and said classes (n,).

    `metric` maps matrices (m, classes, classes) to values (m,); see `balanced_accuracy` and `macro_f1`. `units` (n,) as
    of `bootstrap`.
    """
    cells = np.asarray(truth) * classes + np.asarray(said)
    counts, whole = np.bincount(cells, minlength=classes**2), several(units)
    value = float(metric(counts.reshape(1, classes, classes).astype(np.float64))[0])
    count = len(cells) if whole is None else int(whole.max()) + 1
    if count == 1 and whole is not None:
        return Interval(value, min(0.0, value), max(1.0, value))
    filled, place = np.unique(cells, return_inverse=True)
    rng = np.random.default_rng(seed)
    step = max(1, 4_000_000 // classes**2)
    parts: list[Values] = []
    for start in range(0, resamples, step):
        draws = np.zeros((min(step, resamples - start), classes * classes))
        if whole is None:
            draws[:, filled] = rng.multinomial(count, counts[filled] / count, size=len(draws))
        else:
            from scipy.sparse import coo_array

            by_unit = coo_array((np.ones(len(cells)), (whole, place)), shape=(count, len(filled))).tocsr()
            draws[:, filled] = rng.multinomial(count, np.full(count, 1 / count), size=len(draws)) @ by_unit
        parts.append(metric(draws.reshape(-1, classes, classes)))
    found = np.concatenate(parts)
    if whole is None:
        return _between(value, found, (1 - LEVEL) / 2, (1 + LEVEL) / 2)
    return widened(value, found, count).within(0.0, 1.0)


def balanced_accuracy(counts: Values) -> Values:
    """Mean recall of the classes that occur, of confusion matrices (m, classes, classes); shape (m,)."""
    true = counts.sum(2)
    recall = np.divide(np.einsum("mcc->mc", counts), true, out=np.zeros_like(true), where=true > 0)
    mean: Values = recall.sum(1) / (true > 0).sum(1)
    return mean


def macro_f1(counts: Values) -> Values:
    """Mean F1 of the classes that occur or are predicted, of confusion matrices (m, classes, classes); shape (m,)."""
    both = counts.sum(2) + counts.sum(1)
    f1 = np.divide(2 * np.einsum("mcc->mc", counts), both, out=np.zeros_like(both), where=both > 0)
    mean: Values = f1.sum(1) / (both > 0).sum(1)
    return mean


def samples_needed(difference: float, sd: float, power: float = 0.8) -> int | None:
    """Samples for a paired 95 % interval to exclude zero with probability `power`, if `difference` is the true mean.

    `sd` is the standard deviation of the per-sample difference. n = ((z_0.975 + z_power) sd / difference)^2, the usual
    normal approximation. `None` if there is no difference: no number would do.

    >>> samples_needed(0.02, 0.3)
    1766
    """
    if difference == 0:
        return None
    from scipy.stats import norm

    z = float(norm.ppf((1 + LEVEL) / 2) + norm.ppf(power))
    return math.ceil((z * sd / difference) ** 2)
