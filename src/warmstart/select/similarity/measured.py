"""A measure of a pair with its interval and with what two halves of A give: how sure it is, and what no shift is."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.stats import t

from warmstart.data.schema import IntArray
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.similarity import Measurement
from warmstart.select.similarity.kernel import Floats
from warmstart.select.similarity.measure import Measure
from warmstart.select.similarity.pair import Pair

ROUNDS = 20
"""Random halvings of both sets; each gives two pairs of halves of A and B, and one pair of halves of A."""


@dataclasses.dataclass(frozen=True)
class Halvings:
    """A measure between halves of A and of B (2 rounds,), and between the two halves of A (rounds,)."""

    between: Floats
    within: Floats

    @property
    def baseline(self) -> Interval:
        """Mean and 95 % of the draws between the halves of A."""
        return Interval(float(self.within.mean()), *(float(q) for q in np.quantile(self.within, [0.025, 0.975])))

    def interval(self, value: float, least: float, greatest: float) -> Interval:
        """95 % interval of a measure whose value on all samples is `value`.

        The delete-half jackknife (Shao and Wu 1989): the spread of a measure over random halves is the standard error
        of its value on the whole. A bootstrap would draw samples twice, which these measures take for a difference.
        Student's t with as many degrees of freedom as rounds: the two halves of one round mirror each other.
        """
        margin = float(t.ppf(0.975, len(self.within)) * self.between.std(ddof=1))
        return Interval(value, max(value - margin, least), min(value + margin, greatest))


def halvings(measure: Measure, pair: Pair, a: IntArray, b: IntArray, rounds: int = ROUNDS) -> Halvings:
    """Halve rows `a` and `b` at random. In `within` the second half of A is cut to the size of B's, where B is less."""
    rng = np.random.default_rng(pair.seed)
    between, within = list[float](), list[float]()
    for _ in range(rounds):
        first, second = np.array_split(rng.permutation(a), 2)
        other, another = np.array_split(rng.permutation(b), 2)
        between += [measure.between(pair, first, other), measure.between(pair, second, another)]
        within.append(measure.between(pair, first, second[: max(len(other), 2)]))
    return Halvings(np.array(between), np.array(within))


def measured(measure: Measure, pair: Pair) -> Measurement:
    """The measure of all samples, or why they do not support it. What is not finite is refused, too."""
    refused = measure.needs(pair) if pair.varies else "the features of all samples are the same: other ones are needed"
    if refused:
        return Measurement(measure.name, measure.title, measure.how, refused=refused)
    rng = np.random.default_rng(pair.seed)
    a, b = (rng.permutation(rows)[: measure.most] for rows in (pair.a, pair.b))
    value = measure.between(pair, np.sort(a), np.sort(b))
    drawn = halvings(measure, pair, a, b)
    if not (np.isfinite(value) and np.isfinite(drawn.between).all() and np.isfinite(drawn.within).all()):
        return Measurement(
            measure.name, measure.title, measure.how, refused="the features hardly vary: no finite value"
        )
    return Measurement(
        measure.name,
        measure.title,
        _how(measure, pair),
        measure.interval(pair) if measure.interval else drawn.interval(value, measure.least, measure.greatest),
        drawn.baseline,
        float(drawn.between.mean()),
        measure.p(pair) if measure.p else None,
    )


def _how(measure: Measure, pair: Pair) -> str:
    if not measure.in_components:
        return measure.how
    k = pair.components.shape[1]
    return f"{measure.how}; in the first {k} principal components of both sets ({pair.explained:.0%} of the variance)"
