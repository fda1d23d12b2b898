"""CORAL distance: how much the second moments of the features differ."""

from __future__ import annotations

import numpy as np

from warmstart.data.schema import IntArray
from warmstart.select.similarity.frechet import GAUSSIANS
from warmstart.select.similarity.kernel import Floats
from warmstart.select.similarity.measure import Measure
from warmstart.select.similarity.pair import Pair


def coral(a: Floats, b: Floats) -> float:
    """|cov(a) - cov(b)|²_F / (4 d²) of `a` (n, d) and `b` (m, d); Sun and Saenko 2016, eq. 1.

    >>> coral(np.array([[0.0], [2.0]]), np.array([[0.0], [0.0]]))
    1.0
    """
    difference = np.atleast_2d(np.cov(a, rowvar=False) - np.cov(b, rowvar=False))
    return float((difference**2).sum() / (4 * a.shape[1] ** 2))


def _between(pair: Pair, first: IntArray, second: IntArray) -> float:
    return coral(pair.components[first], pair.components[second])


CORAL = Measure(
    name="coral",
    title="CORAL distance",
    how="squared Frobenius distance of the covariances over 4 d² (Sun and Saenko 2016); blind to the means",
    between=_between,
    needs=GAUSSIANS,
    least=0.0,
)
