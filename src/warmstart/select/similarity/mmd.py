"""Maximum mean discrepancy with an RBF kernel: it sees any difference of distributions, and tests it."""

from __future__ import annotations

import numpy as np

from warmstart.data.schema import IntArray
from warmstart.select.similarity.kernel import Singles, mmd2_of_rows, unbiased_mmd2
from warmstart.select.similarity.measure import Measure, at_least
from warmstart.select.similarity.pair import Pair

PERMUTATIONS = 499
"""So that the smallest p-value is 1 in 500."""


def permutation_p(kernel: Singles, first: int, *, seed: int = 0, permutations: int = PERMUTATIONS) -> float:
    """Share of random divisions of the rows, the true one counted, whose MMD² is at least as large as the true one's.

    Exact: where both sets are of one distribution, a p-value of at most u comes with probability at most u (Phipson and
    Smyth 2010). `first` is the number of rows in the first set.
    """
    rng = np.random.default_rng(seed)
    true = np.zeros((len(kernel), 1), np.float32)
    true[:first] = 1
    shuffled = rng.permuted(np.repeat(true, permutations, axis=1), axis=0)
    members = np.concatenate([true, shuffled], axis=1)
    found = unbiased_mmd2(kernel, members, 1 - members)
    return float((found >= found[0] - 1e-7 * abs(found[0])).mean())


def _between(pair: Pair, first: IntArray, second: IntArray) -> float:
    return mmd2_of_rows(pair.rbf, first, second)


def _p(pair: Pair) -> float:
    return permutation_p(pair.rbf, pair.first, seed=pair.seed)


MMD = Measure(
    name="mmd",
    title="MMD²",
    how="unbiased squared MMD with an RBF kernel as wide as the median distance (Gretton et al. 2012), of all features "
    f"as they are; may fall below 0; p from {PERMUTATIONS} permutations",
    between=_between,
    needs=at_least(20, "a kernel distance of fewer is mostly chance"),
    greatest=2.0,
    p=_p,
    in_components=False,
)
