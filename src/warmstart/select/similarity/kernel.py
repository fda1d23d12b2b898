"""Kernels, and the squared maximum mean discrepancy of rows of one: what KID and MMD share."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

_ENOUGH = 1000
"""Rows, evenly apart, whose half a million distances have the median of all to three places."""


def polynomial_kernel(products: Singles, features: int) -> Singles:
    """(x'y / d + 1)³ from inner products of d features; Bińkowski et al. 2018, section 4."""
    return cast(Singles, (products / features + 1) ** 3)


def rbf_kernel(products: Singles) -> Singles:
    """exp(-|x - y|² / (2 s²)) from inner products, s² the median of |x - y|² over pairs of rows (Gretton et al. 2012,
    section 8).
    """
    own = np.diag(products)
    squared = np.maximum(own[:, None] + own[None, :] - 2 * products, 0)
    rows = np.linspace(0, len(squared) - 1, min(len(squared), _ENOUGH)).astype(np.int64)
    some = squared[np.ix_(rows, rows)]
    median = float(np.median(some[np.triu_indices(len(some), 1)]))
    np.multiply(squared, np.float32(-0.5 / (median or 1.0)), out=squared)
    found: Singles = np.exp(squared, out=squared)
    return found


def unbiased_mmd2(kernel: Singles, first: Singles, second: Singles) -> Floats:
    """Unbiased MMD² (m,) of m pairs of row sets of a symmetric kernel (n, n); Gretton et al. 2012, eq. 3.

    Args:
        kernel: k(x_i, x_j).
        first: columns (n, m) of ones where a row is in the first set, zeros elsewhere.
        second: the same of the second set; no row is in both.

    >>> x = np.array([0.0, 2.0, 5.0, 5.0])
    >>> unbiased_mmd2(np.outer(x, x), np.array([[1.0], [1], [0], [0]]), np.array([[0.0], [0], [1], [1]])).tolist()
    [15.0]
    """
    own = np.diag(kernel).astype(np.float64)
    to_first, to_second = (kernel @ first).astype(np.float64), (kernel @ second).astype(np.float64)
    n, m = first.sum(0, dtype=np.float64), second.sum(0, dtype=np.float64)
    among_first = ((first * to_first).sum(0) - own @ first) / (n * (n - 1))
    among_second = ((second * to_second).sum(0) - own @ second) / (m * (m - 1))
    found: Floats = among_first + among_second - 2 * (first * to_second).sum(0) / (n * m)
    return found


def mmd2_of_rows(kernel: Singles, first: IntArray, second: IntArray) -> float:
    """The same for two sets of row numbers."""
    return float(unbiased_mmd2(kernel, _column(first, len(kernel)), _column(second, len(kernel)))[0])


def _column(rows: IntArray, n: int) -> Singles:
    column = np.zeros((n, 1), np.float32)
    column[rows] = 1
    return column
