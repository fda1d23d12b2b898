"""What every metric takes, checked once: finite features or probabilities, labels of two classes or more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray
from warmstart.errors import DataError

Floats = npt.NDArray[np.float64]
_SUM = 1e-3
"""How far the probabilities of a sample may be from 1 in sum: float16 rounds a thousand of them by less."""


def checked(features: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, IntArray]:
    """Features (n, d) as float64, and labels (n,) numbered 0 .. classes - 1 in the order of their values.

    Raises:
        DataError: shapes do not fit, a feature is not finite, no feature differs between samples, labels are not whole
            numbers, fewer than two classes occur, or a class has one sample only.

    >>> checked([[0.0], [1.0], [2.0], [3.0]], [7, 7, 9, 9])[1].tolist()
    [0, 0, 1, 1]
    """
    array = _finite(features, "features")
    numbered = _numbered(labels, len(array))
    if bool((array == array[0]).all()):
        raise DataError(
            f"the features of all {len(array)} samples are the same",
            "features that differ between samples",
            "the backbone answers with a constant: look at its weights and at how the inputs are preprocessed",
        )
    return array, numbered


def checked_source(source: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, IntArray]:
    """Probabilities (n, S) of the source classes as float64, rows summing to 1, and labels (n,) as `checked` has them.

    Raises:
        DataError: as `checked`, or the rows are not probabilities.
    """
    array = _finite(source, "source probabilities")
    numbered = _numbered(labels, len(array))
    sums = array.sum(1)
    if array.min() < 0 or float(np.abs(sums - 1).max()) > _SUM:
        raise DataError(
            f"source outputs from {array.min():.3g} to {array.max():.3g} whose rows sum to {sums.min():.3g} to "
            f"{sums.max():.3g}",
            "probabilities of the source classes: not negative, each row summing to 1",
            "take the softmax of the source head's logits",
        )
    return array / sums[:, None], numbered


def _finite(values: npt.ArrayLike, what: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise DataError(f"{what} of shape {array.shape}", "one row per sample and at least one column: (n, d)")
    bad = int((~np.isfinite(array).all(1)).sum())
    if bad:
        raise DataError(
            f"the {what} of {bad} of {len(array)} samples are not finite",
            "numbers",
            "look at these samples, or use float32 where the backbone ran in half precision",
        )
    return array


def _numbered(labels: npt.ArrayLike, samples: int) -> IntArray:
    array = np.asarray(labels)
    if array.shape != (samples,) or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"labels of shape {array.shape} and type {array.dtype} for {samples} samples",
            "one whole number per sample, shape (n,)",
        )
    names, numbered, counts = np.unique(array, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise DataError(f"all {samples} samples are of one class", "two classes or more")
    if counts.min() < 2:
        alone = names[counts < 2]
        raise DataError(
            f"{len(alone)} of {len(names)} classes have one sample only: {', '.join(map(str, alone[:5]))}",
            "two samples of each class, or there is no telling how much it varies",
            "leave these classes out, or add samples of them",
        )
    return numbered.astype(np.int64)
