"""H-score: how much of the features' variance lies between classes, with every direction weighted alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from warmstart.data.schema import IntArray
from warmstart.engine.heads import lda
from warmstart.select.transferability.classes import class_means
from warmstart.select.transferability.inputs import Floats, checked


def h_score(features: npt.ArrayLike, labels: npt.ArrayLike, *, shrinkage: float | None = None) -> float:
    """tr(cov_a(f)^-1 (1 - a) cov(E[f | y])), between 0 and classes - 1; higher is better.

    cov_a = (1 - a) cov(f) + a tr(cov(f))/d I, with the amount a that Ledoit and Wolf derive: Ibrahim, Ponomareva &
    Mazumder 2022, "Newer is not always better: Rethinking transferability metrics, their peculiarities, stability and
    performance". It is the default whatever n and d are: backbones of different d must be ranked by one
    measure, a goes to 0 where samples are many, and without it n <= d gives classes - 1 to any features. At a = 0 it is
    the original: Bao et al., ICIP 2019, "An Information-Theoretic Approach to Transferability in Task Transfer
    Learning". Covariances are divided by n.

    Args:
        features: (n, d), finite.
        labels: (n,), whole numbers.
        shrinkage: a, from 0 to 1; `None` for Ledoit and Wolf's.

    Raises:
        DataError: see `checked`.

    >>> round(h_score([[0.0], [0.0], [1.0], [1.0]], [0, 0, 1, 1], shrinkage=0), 4)
    1.0
    """
    return between_variance(*checked(features, labels), shrinkage)


def between_variance(features: Floats, labels: IntArray, shrinkage: float | None = None) -> float:
    """H-score of what `checked` gives."""
    n, d = features.shape
    centred = features - features.mean(0)
    variance = float(np.square(centred).mean())
    if variance == 0:
        return 0.0
    counts, means = class_means(centred, labels)
    between = means * np.sqrt(counts / n)[:, None]  # its Gram matrix is cov(E[f | y])
    amount = lda.shrinkage(torch.from_numpy(centred)) if shrinkage is None else shrinkage
    if amount == 0:
        inverse = np.linalg.pinv(centred.T @ centred / n, hermitian=True, rcond=1e-10)
        return float(np.sum(between @ inverse * between))
    rows = torch.from_numpy(centred * np.sqrt((1 - amount) / n))
    diagonal = torch.full((d,), amount * variance, dtype=torch.float64)
    solved = lda.solve(rows, diagonal, torch.from_numpy(between.T)).numpy()
    return float((1 - amount) * np.sum(between.T * solved))
