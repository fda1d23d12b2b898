"""How alike two representations of the same samples are, whatever their rotation and scale: linear CKA."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
LEAST = 4
"""Samples that the unbiased estimate needs: it divides by n - 3."""


def linear_cka(x: npt.ArrayLike, y: npt.ArrayLike, *, unbiased: bool = True) -> float:
    """Linear centred kernel alignment of `x` (n, p) and `y` (n, q), rows being the same n samples in the same order.

    HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with K = x x', L = y y' (Kornblith et al. 2019, eq. 2). It is 1 for what
    differs by a rotation, a shift and a scale, and does not change when either is rotated, shifted or scaled. With the
    plain HSIC it goes to 1 as columns outnumber samples, whatever they hold (ResNet features have 2048 columns);
    `unbiased` takes the estimate of Song et al. 2012 (eq. 5; Nguyen et al. 2021, eq. 3) instead, which is 0 on average
    for unrelated representations, so it may fall a little below 0. NaN where either does not vary.

    Raises:
        ValueError: the numbers of samples differ, or are below four.

    >>> x = np.random.default_rng(0).normal(size=(50, 8))
    >>> round(linear_cka(x, 3 * x[:, ::-1] + 1), 6)
    1.0
    """
    first, second = _centred(x), _centred(y)
    if len(first) != len(second) or len(first) < LEAST:
        raise ValueError(f"CKA compares the same samples, at least {LEAST}, not {len(first)} and {len(second)}")
    k, m = first @ first.T, second @ second.T
    hsic = _unbiased_hsic if unbiased else _hsic
    scale = hsic(k, k) * hsic(m, m)
    return hsic(k, m) / scale**0.5 if scale > 0 else float("nan")


def _centred(x: npt.ArrayLike) -> Values:
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"CKA compares arrays (n, features), not one of shape {values.shape}")
    centred: Values = values - values.mean(0)
    return centred


def _hsic(k: Values, m: Values) -> float:
    """tr(K H L H) of centred kernels; the factor (n - 1)^-2 cancels in CKA."""
    return float((k * m).sum())


def _unbiased_hsic(k: Values, m: Values) -> float:
    """Song et al. 2012, eq. 5, without the factor 1 / (n (n - 3)), which cancels in CKA. Diagonals do not count."""
    n = len(k)
    own, other = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    rows, columns = own.sum(0), other.sum(0)
    among = rows.sum() * columns.sum() / ((n - 1) * (n - 2))
    return float((own * other).sum() + among - 2 / (n - 2) * (rows @ columns))
