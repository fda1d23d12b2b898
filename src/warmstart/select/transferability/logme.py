"""LogME: the evidence of a Bayesian linear model of the labels, at the prior and the noise that make it largest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from warmstart.data.schema import IntArray
from warmstart.engine.heads.threads import eigen, gram
from warmstart.select.transferability.classes import indicators
from warmstart.select.transferability.inputs import Floats, checked

_RESIDUAL = 1e-8
"""Least squared residual (the authors' code adds 1e-5 to it): exactly linear labels have no largest evidence."""
_DECADES = (-12.0, 10.0)
"""Of alpha / beta, against the largest eigenvalue: beyond are an exact fit and the evidence of no features at all."""
_POINTS, _ROUNDS = 25, 4
"""Of the search, each round between the neighbours of the best point so far: to a thousandth of a decade, where the
evidence, flat at its maximum, is known to a millionth."""


def logme(features: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Logarithm of maximum evidence per sample, mean over the classes, each against the rest; higher is better.

    For y in {0, 1} of shape (n,) and features F (n, d): w ~ N(0, I / alpha), y ~ N(Fw, I / beta), and log p(y | F) / n
    at the alpha and beta that maximise it. There, as in the paper's fixed point, alpha = g / m'm and beta =
    (n - g) / |Fm - y|^2, with g = sum_i beta s_i / (alpha + beta s_i), s_i the eigenvalues of F'F, and m the posterior
    mean of w; `maximum_evidence` says how they are found.
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
    function of t alone: log p = 1/2 (n log(n / (2 pi e q)) - sum_i log(1 + s_i / t)). It is searched,
    for it can have two maxima, and the paper's fixed point stops at the one it comes to first.
    """
    n = len(features)
    targets = indicators(labels)
    values, squares = _spectrum(features, targets)
    least = _RESIDUAL if len(values) < n else 0.0  # of as many directions as samples, each target is reached
    rest = np.maximum(targets.sum(0) - squares.sum(0), least)  # squared length that no weights reach

    def evidence(decades: Floats) -> Floats:
        """Per sample, of each target (classes,) at its own log10 of t against the largest eigenvalue."""
        ratio = values.max(initial=0.0) * 10**decades
        quadratic = rest + (squares * ratio / (values + ratio)).sum(0)
        fit: Floats = np.log(n / (2 * np.pi * np.e * quadratic)) - np.log1p(values / ratio).sum(0) / n
        return fit / 2

    low, high = (np.full(len(rest), bound) for bound in _DECADES)
    for _ in range(_ROUNDS):
        points = np.linspace(low, high, _POINTS)
        found = np.stack([evidence(row) for row in points])
        best = points[found.argmax(0), np.arange(len(rest))]
        low, high = best - (points[1] - points[0]), best + (points[1] - points[0])
    return float(found.max(0).mean())


def _spectrum(features: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (r, 1) of F'F that are not 0, and squares (r, classes) of the targets along their directions."""
    n, d = features.shape
    rows = torch.from_numpy(features)
    found, vectors = eigen(gram(rows if n < d else rows.T))
    values = found.numpy()
    kept = values > values[-1] * max(n, d) * np.finfo(np.float64).eps
    basis, values = vectors.numpy()[:, kept], values[kept, None]
    if n < d:
        return values, np.square(basis.T @ targets)
    return values, np.square(basis.T @ (features.T @ targets)) / values
