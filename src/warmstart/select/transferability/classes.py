"""Sums over the samples of a class, as products with the indicator matrix of the labels."""

from __future__ import annotations

import numpy as np

from warmstart.data.schema import IntArray
from warmstart.select.transferability.inputs import Floats


def indicators(labels: IntArray) -> Floats:
    """One-hot labels (n, classes), for labels 0 .. classes - 1.

    >>> indicators(np.array([0, 1])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.eye(int(labels.max()) + 1)[labels]


def class_means(values: Floats, labels: IntArray) -> tuple[IntArray, Floats]:
    """Samples (classes,) and mean rows (classes, d) of each class, for values (n, d) and labels that all occur.

    >>> class_means(np.array([[0.0], [2.0], [5.0]]), np.array([0, 0, 1]))[1].tolist()
    [[1.0], [5.0]]
    """
    counts = np.bincount(labels).astype(np.int64)
    means: Floats = indicators(labels).T @ values / counts[:, None]
    return counts, means
