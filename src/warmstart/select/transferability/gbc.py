"""GBC: how much the classes overlap, each taken for a Gaussian in the space of the features."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray
from warmstart.select.transferability.classes import class_means
from warmstart.select.transferability.components import components
from warmstart.select.transferability.inputs import Floats, checked

Covariance = Literal["spherical", "diagonal"]
_LEAST = 1e-4
"""Least variance of a class in a direction, against the mean of all: a class that does not vary is no point."""


def gbc(features: npt.ArrayLike, labels: npt.ArrayLike, *, covariance: Covariance = "spherical") -> float:
    """Gaussian Bhattacharyya coefficient, at most 0; higher is better.

    In the first 64 principal components, - sum over ordered pairs i != j of exp(-D(i, j)), with Bhattacharyya's
    distance D = 1/8 (m_i - m_j)' S^-1 (m_i - m_j) + 1/2 log(det S / sqrt(det S_i det S_j)) and S = (S_i + S_j) / 2.
    Pandy et al., CVPR 2022, "Transferability Estimation using Bhattacharyya Class Separability".
    `covariance`: one variance per class, the paper's choice for classification, or one per direction too. Variances are
    divided by n, and are at least 1e-4 of the mean one (the authors' code: at least 1e-4, which depends on the scale).

    Args:
        features: (n, d), finite.
        labels: (n,), whole numbers.
        covariance: of the classes.

    Raises:
        DataError: see `checked`.

    >>> round(gbc([[-1.0], [1.0], [1.0], [3.0]], [0, 0, 1, 1]), 4)  # unit variances, means 2 apart: -2 exp(-4/8)
    -1.2131
    """
    array, numbered = checked(features, labels)
    return overlap(components(array), numbered, covariance)


def overlap(scores: Floats, labels: IntArray, covariance: Covariance = "spherical") -> float:
    """GBC of scores (n, k) on principal components."""
    _, means = class_means(scores, labels)
    _, variances = class_means(np.square(scores - means[labels]), labels)
    if covariance == "spherical":
        variances = np.broadcast_to(variances.mean(1, keepdims=True), variances.shape)
    variances = np.maximum(variances, _LEAST * scores.var(0).mean() or 1.0)
    logs = np.log(variances).sum(1)
    total = 0.0
    for i in range(1, len(means)):
        pooled = (variances[i] + variances[:i]) / 2
        distance = (np.square(means[i] - means[:i]) / pooled).sum(1) / 8
        distance += (np.log(pooled).sum(1) - (logs[i] + logs[:i]) / 2) / 2
        total += 2 * float(np.exp(-distance).sum())
    return -total
