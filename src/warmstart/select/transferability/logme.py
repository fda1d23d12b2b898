"""LogME: the evidence of a Bayesian linear model of the labels, at the prior and the noise that make it largest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from warmstart.data.schema import IntArray
from warmstart.engine.heads.threads import eigen, gram
from warmstart.select.transferability.classes import indicators
from warmstart.select.transferability.inputs import Floats, checked

_RESIDUAL = 1e-5
"""Least squared residual, as in the authors' code: labels that are exactly linear have no largest evidence."""
_ITERATIONS = 200
_CONVERGED = 1e-4
"""Relative change of alpha / beta; the evidence is flat there, so it is known to the square of this."""
_RANGE = (1e-12, 1e10)
"""Of alpha / beta, against the largest eigenvalue; beyond, the evidence is that of an exact fit, or of no features."""


def logme(features: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Logarithm of maximum evidence per sample, mean over the classes, each against the rest; higher is better.

    For y in {0, 1} of shape (n,) and features F (n, d): w ~ N(0, I / alpha), y ~ N(Fw, I / beta), and log p(y | F) / n
    at the alpha and beta that maximise it, by MacKay's fixed point alpha = g / m'm, beta = (n - g) / |Fm - y|^2 with
    g = sum_i beta s_i / (alpha + beta s_i), s_i the eigenvalues of F'F, and m the posterior mean of w.
    You, Liu, Wang & Long, ICML 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning",
    equation 2 and algorithm 1. Features are not centred, as there.

    Args:
        features: (n, d), finite.
        labels: (n,), whole numbers.

    Raises:
        DataError: see `checked`.

    >>> x = np.array([[1.0, 0.1], [1.0, -0.1], [-0.1, 1.0], [0.1, 1.0]])
    >>> bool(logme(x, [0, 0, 1, 1]) > logme(x, [0, 1, 0, 1]))
    True
    """
    return maximum_evidence(*checked(features, labels))


def maximum_evidence(features: Floats, labels: IntArray) -> float:
    """LogME of what `checked` gives.

    With t = alpha / beta, the best beta for a given t is n / q(t), where q = y'(I + FF'/t)^-1 y, and what is left is a
    function of t alone: log p = 1/2 (n log(n / (2 pi e q)) - sum_i log(1 + s_i / t)).
    """
    n = len(features)
    targets = indicators(labels)
    values, squares = _spectrum(features, targets)
    rest = np.maximum(targets.sum(0) - squares.sum(0), _RESIDUAL)  # squared length that no weights reach
    ratio = _fixed_point(values, squares, rest, n)
    quadratic = rest + (squares * ratio / (values + ratio)).sum(0)
    evidence = n * np.log(n / (2 * np.pi * np.e * quadratic)) - np.log1p(values / ratio).sum(0)
    return float(evidence.mean() / (2 * n))


def _spectrum(features: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (r, 1) of F'F that are not 0, and squares (r, classes) of the targets along their directions."""
    n, d = features.shape
    rows = torch.from_numpy(features)
    found, vectors = eigen(gram(rows if n < d else rows.T.contiguous()))
    values = found.numpy()
    kept = values > values[-1] * max(n, d) * np.finfo(np.float64).eps
    basis, values = vectors.numpy()[:, kept], values[kept, None]
    if n < d:
        return values, np.square(basis.T @ targets)
    return values, np.square(basis.T @ (features.T @ targets)) / values


def _fixed_point(values: Floats, squares: Floats, rest: Floats, n: int) -> Floats:
    """Ratio alpha / beta of each target, (classes,)."""
    largest = values.max(initial=0.0) or 1.0
    low, high = (largest * bound for bound in _RANGE)
    ratio = np.full(len(rest), float(values.mean()) if len(values) else 1.0)
    for _ in range(_ITERATIONS):
        effective = (values / (values + ratio)).sum(0)  # gamma, well-determined parameters
        residual = rest + (squares * np.square(ratio / (values + ratio))).sum(0)
        length = (values * squares / np.square(values + ratio)).sum(0)  # m'm
        before = ratio
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.nan_to_num(effective * residual / (length * (n - effective)), nan=high, posinf=high)
        ratio = np.clip(ratio, low, high)
        if np.all(np.abs(ratio - before) <= _CONVERGED * before):
            break
    return ratio
