"""TransRate: the bits that labels save when features are coded up to a given distortion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray
from warmstart.select.transferability.inputs import Floats, checked

EPSILON = 1e-4
"""Distortion, as in the paper's experiments."""


def transrate(features: npt.ArrayLike, labels: npt.ArrayLike, *, epsilon: float = EPSILON) -> float:
    """R(Z, e) - R(Z, e | Y) in nats, not negative; higher is better.

    R(Z, e) = 1/2 log det(I + Z'Z / (n e)) for centred features Z (n, d), and R(Z, e | Y) the mean over the classes'
    rows, weighted by their shares, of the same.
    Huang et al., ICML 2022, "Frustratingly Easy Transferability Estimation". Features are scaled to a
    mean squared norm of 1 first, or the distortion would mean another thing for each backbone.

    Args:
        features: (n, d), finite.
        labels: (n,), whole numbers.
        epsilon: squared distortion e, against the mean squared norm.

    Raises:
        DataError: see `checked`.

    >>> x = [[9.0, 0.0], [9.1, 0.0], [0.0, 9.0], [0.0, 9.1], [-9.0, -9.0], [-9.1, -9.0]]
    >>> transrate(x, [0, 0, 1, 1, 2, 2]) > transrate(x, [0, 1, 2, 0, 1, 2])
    True
    """
    return rate_reduction(*checked(features, labels), epsilon)


def rate_reduction(features: Floats, labels: IntArray, epsilon: float = EPSILON) -> float:
    """TransRate of what `checked` gives."""
    centred = features - features.mean(0)
    norm = np.square(centred).sum(1).mean()
    if norm == 0:
        return 0.0
    centred /= np.sqrt(norm)
    shares = np.bincount(labels) / len(labels)
    within = [share * _rate(centred[labels == c], epsilon) for c, share in enumerate(shares)]
    return float(_rate(centred, epsilon) - sum(within))


def _rate(rows: Floats, epsilon: float) -> float:
    """1/2 log det(I + rows' rows / (n e)), by the smaller of the two Gram matrices, which have the same determinant."""
    n, d = rows.shape
    matrix = (rows @ rows.T if n < d else rows.T @ rows) / (n * epsilon)
    matrix[np.diag_indices_from(matrix)] += 1.0
    return float(np.log(np.diagonal(np.linalg.cholesky(matrix))).sum())
