"""Cosine of mean features: whether the two sets lie in the same direction, whatever their spread."""

from __future__ import annotations

import numpy as np

from warmstart.data.schema import IntArray
from warmstart.select.similarity.kernel import Singles
from warmstart.select.similarity.measure import Measure, at_least
from warmstart.select.similarity.pair import Pair


def cosine_of_means(a: Singles, b: Singles) -> float:
    """Cosine of the angle between the mean rows of `a` (n, d) and `b` (m, d); 1 where both are zero.

    >>> cosine_of_means(np.array([[2.0, 0.0]]), np.array([[1.0, 1.0], [1.0, -1.0]]))
    1.0
    """
    x, y = a.mean(0, dtype=np.float64), b.mean(0, dtype=np.float64)
    lengths = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / lengths if lengths else float(np.array_equal(x, y))


def _between(pair: Pair, first: IntArray, second: IntArray) -> float:
    return cosine_of_means(pair.features[first], pair.features[second])


COSINE = Measure(
    name="cosine",
    title="cosine of mean features",
    how="the angle between the mean features of A and of B, of all features as they are; 1 is the same direction",
    between=_between,
    needs=at_least(10, "a mean of fewer says little"),
    least=-1.0,
    greatest=1.0,
    in_components=False,
)
