"""Labels 0 .. classes - 1, all of which occur, as arrays that the metrics compute with."""

from __future__ import annotations

import numpy as np
import torch

from warmstart.data.schema import IntArray
from warmstart.engine.heads import base
from warmstart.select.transferability.inputs import Floats


def indicators(labels: IntArray) -> Floats:
    """One-hot labels (n, classes).

    >>> indicators(np.array([0, 1])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.eye(int(labels.max()) + 1)[labels]


def class_means(values: Floats, labels: IntArray) -> tuple[Floats, Floats]:
    """Samples (classes,) and mean rows (classes, d) of each class, for values (n, d).

    >>> class_means(np.array([[0.0], [2.0], [5.0]]), np.array([0, 0, 1]))[1].tolist()
    [[1.0], [5.0]]
    """
    counts, means = base.class_means(torch.from_numpy(values), labels, int(labels.max()) + 1)
    return counts.numpy(), means.numpy()
