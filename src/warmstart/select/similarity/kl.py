"""Kullback-Leibler divergence of the Gaussians that have the sets' means and (shrunk) covariances."""

from __future__ import annotations

import numpy as np
from sklearn.covariance import ledoit_wolf

from warmstart.data.schema import IntArray
from warmstart.select.similarity.frechet import GAUSSIANS
from warmstart.select.similarity.kernel import Floats
from warmstart.select.similarity.measure import Measure
from warmstart.select.similarity.pair import Pair

_FLAT = 1e-12
"""Share of both variances together that is no more than the rounding of float32 features."""


def gaussian_kl(mean_a: Floats, cov_a: Floats, mean_b: Floats, cov_b: Floats) -> float:
    """KL(N(mean_a, cov_a) || N(mean_b, cov_b)) in nats (Kullback 1959, ch. 9, eq. 1.2); infinite where the second
    is flat.

    >>> one = np.eye(1)
    >>> gaussian_kl(np.zeros(1), one, np.full(1, 2.0), one)
    2.0
    """
    if np.linalg.eigvalsh(cov_b)[0] <= _FLAT * np.trace(cov_a + cov_b):
        return float("inf")
    inverse = np.linalg.inv(cov_b)
    apart = mean_b - mean_a
    sizes = np.linalg.slogdet(cov_b)[1] - np.linalg.slogdet(cov_a)[1]
    return float(np.trace(inverse @ cov_a) + apart @ inverse @ apart - len(mean_a) + sizes) / 2


def _fitted(x: Floats) -> tuple[Floats, Floats]:
    return x.mean(0), ledoit_wolf(x)[0]


def _between(pair: Pair, first: IntArray, second: IntArray) -> float:
    return gaussian_kl(*_fitted(pair.components[first]), *_fitted(pair.components[second]))


def _symmetric(pair: Pair, first: IntArray, second: IntArray) -> float:
    a, b = _fitted(pair.components[first]), _fitted(pair.components[second])
    return gaussian_kl(*a, *b) + gaussian_kl(*b, *a)


_HOW = "of Gaussians with the sets' means and covariances, these shrunk as Ledoit and Wolf (2004), in nats"

KL = Measure("kl", "KL divergence", f"KL(A || B) {_HOW}", _between, GAUSSIANS, least=0.0)
SYMMETRIC_KL = Measure(
    "symmetric_kl", "symmetric KL", f"KL(A || B) + KL(B || A) {_HOW} (Jeffreys)", _symmetric, GAUSSIANS, least=0.0
)
