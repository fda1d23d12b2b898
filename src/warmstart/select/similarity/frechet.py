"""Fréchet distance of the Gaussians that have the sets' means and covariances."""

from __future__ import annotations

from typing import cast

import numpy as np

from warmstart.data.schema import IntArray
from warmstart.select.similarity.kernel import Floats
from warmstart.select.similarity.measure import Measure, at_least
from warmstart.select.similarity.pair import PER_COMPONENT, Pair

LEAST_COMPONENTS = 10
"""Fewer principal components say too little of features for a covariance of them to stand for a data set."""
LEAST = PER_COMPONENT * LEAST_COMPONENTS


def frechet(a: Floats, b: Floats) -> float:
    """|mean(a) - mean(b)|² + tr(A + B - 2 (A B)^½) with A and B the covariances of `a` (n, d) and `b` (m, d).

    The squared 2-Wasserstein distance of two Gaussians (Dowson and Landau 1982, eq. 4; the "FID" of Heusel et al. 2017,
    there on features of Inception).

    >>> frechet(np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]]))
    9.0
    """
    means = a.mean(0) - b.mean(0)
    return float(means @ means) + bures(root(a), root(b))


def root(x: Floats) -> Floats:
    """A matrix R (at most d rows, d) with R' R the covariance of `x` (n, d); zero for a single sample."""
    centred: Floats = (x - x.mean(0)) / max(len(x) - 1, 1) ** 0.5
    if len(x) <= x.shape[1]:
        return centred
    return cast(Floats, np.linalg.qr(centred, mode="r"))  # with this mode it is R alone


def bures(a: Floats, b: Floats) -> float:
    """tr(A) + tr(B) - 2 tr((A^½ B A^½)^½) for A = a' a and B = b' b; that last trace is the nuclear norm of a b'."""
    overlap = float(np.linalg.svd(a @ b.T, compute_uv=False).sum())
    return max(float((a**2).sum() + (b**2).sum()) - 2 * overlap, 0.0)


def _between(pair: Pair, first: IntArray, second: IntArray) -> float:
    return frechet(pair.components[first], pair.components[second])


GAUSSIANS = at_least(LEAST, f"a covariance of {LEAST_COMPONENTS} principal components takes {PER_COMPONENT} for each")

FRECHET = Measure(
    name="frechet",
    title="Fréchet distance",
    how="squared 2-Wasserstein distance of Gaussians with the sets' means and covariances, as in the FID; not "
    "comparable with FIDs on Inception's features",
    between=_between,
    needs=GAUSSIANS,
    least=0.0,
)
