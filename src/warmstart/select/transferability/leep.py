"""LEEP: how well the source head predicts the target labels through a table of the two label sets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray
from warmstart.select.transferability.classes import indicators
from warmstart.select.transferability.inputs import Floats, checked_source


def leep(source: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Log expected empirical prediction, at most 0; higher is better.

    With theta(x)_z the source head's probability of source class z: P(y, z) = 1/n sum over i with y_i = y of
    theta(x_i)_z, and LEEP = 1/n sum_i log sum_z P(y_i | z) theta(x_i)_z.
    Nguyen, Hassner, Seeger & Archambeau, ICML 2020, "LEEP: A New Measure to Evaluate Transferability of Learned
    Representations", equations 1 and 2.

    Args:
        source: (n, S), probabilities of the source classes.
        labels: (n,), whole numbers.

    Raises:
        DataError: see `checked_source`.

    >>> leep([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [0, 0, 1, 1])
    0.0
    """
    return expected_prediction(*checked_source(source, labels))


def expected_prediction(source: Floats, labels: IntArray) -> float:
    """LEEP of what `checked_source` gives."""
    joint = indicators(labels).T @ source
    whole = joint.sum(0)
    conditional = np.divide(joint, whole, out=np.zeros_like(joint), where=whole > 0)  # P(y | z), (classes, S)
    return float(np.log((source * conditional[labels]).sum(1)).mean())
