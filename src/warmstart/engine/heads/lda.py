"""Linear discriminant analysis with Ledoit-Wolf shrinkage: Gaussian classes of one covariance, in closed form.

Each class' covariance is shrunk towards the diagonal of its variances by the amount that Ledoit and Wolf (2004) derive,
and the shared covariance is their mean weighted by the classes' shares: the estimate of scikit-learn's
`LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")`. It is a diagonal plus a matrix of rank n, so with fewer
samples than features it is inverted by Woodbury's identity, and no d x d matrix is ever formed.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead, Problem, class_means, standardised
from warmstart.engine.heads.folds import fold_of, out_of_fold
from warmstart.engine.heads.score import accuracy, sharpness
from warmstart.engine.heads.threads import threads_for

_SMALLEST = 1e-9
"""Least diagonal of the covariance, against the mean one: what has no variance at all must not be divided by."""


def shrinkage(scaled: Tensor) -> float:
    """Ledoit-Wolf's share of the target, for centred rows (n, d) (Ledoit & Wolf 2004, lemma 3.1 to 3.4)."""
    n, d = scaled.shape
    squares = scaled.square().sum(1)
    mean_variance = float(squares.sum()) / (n * d)
    gram = scaled @ scaled.T if n <= d else scaled.T @ scaled
    norm = float(gram.square().sum()) / n**2  # squared Frobenius norm of the covariance
    distance = (norm - d * mean_variance**2) / d
    noise = min((float(squares.square().sum()) / n - norm) / (d * n), distance)
    return noise / distance if noise > 0 else 0.0


def _covariance(features: Tensor, labels: IntArray) -> tuple[Tensor, Tensor]:
    """(rows A (n, d), diagonal (d,)): the covariance shared by the classes is A'A plus the diagonal."""
    rows = torch.empty_like(features)
    diagonal = torch.zeros(features.shape[1], dtype=features.dtype)
    for label in np.unique(labels):
        members = torch.from_numpy(np.flatnonzero(labels == label))
        centred = features[members] - features[members].mean(0)
        deviation = centred.square().mean(0).sqrt()
        deviation = torch.where(deviation > 1e-12, deviation, 1.0)
        scaled = centred / deviation
        amount, share = shrinkage(scaled), len(members) / len(labels)
        rows[members] = centred * ((1 - amount) / len(labels)) ** 0.5
        diagonal += share * amount * float(scaled.square().mean()) * deviation.square()
    return rows, diagonal


def _solve(rows: Tensor, diagonal: Tensor, right: Tensor) -> Tensor:
    """(A'A + diagonal)^-1 @ right, for right (d, k); by way of n x n where n < d."""
    n, d = rows.shape
    if n >= d:
        whole: Tensor = torch.linalg.solve(rows.T @ rows + torch.diag(diagonal), right)
        return whole
    scaled = rows / diagonal
    inner = torch.eye(n, dtype=rows.dtype) + scaled @ rows.T
    first = right / diagonal[:, None]
    correction: Tensor = torch.linalg.solve(inner, rows @ first)
    return first - scaled.T @ correction


def discriminant(features: Tensor, labels: IntArray, classes: int) -> tuple[Tensor, Tensor]:
    """(weight (k, d), bias (k,)) of the log posterior, up to what classes share; -inf for one that does not occur."""
    counts, means = class_means(features, labels, classes)
    rows, diagonal = _covariance(features, labels)
    smallest = _SMALLEST * float(diagonal.mean() + rows.square().sum() / len(diagonal))
    weight = _solve(rows, diagonal.clamp_min(smallest or 1.0), means.T).T
    return weight, (counts / len(labels)).log() - 0.5 * (means * weight).sum(1)


def fit(features: Tensor, labels: IntArray | Tensor, classes: int, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """Shrinkage LDA. Its posteriors are too sure of themselves, so the logits get one factor by cross-validation.

    See `HeadFit` for the arguments. Tip-Adapter's successors rest on it: Wang et al., ICLR 2024 (arXiv 2402.04087).

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    problem = Problem.of(features, labels, classes)
    fold = fold_of(problem.labels, folds, seed)
    count = len(problem.present)
    n, d = problem.features.shape
    with threads_for(float(n) * d * min(n, d)):
        x, mean, std = standardised(problem.features)
        outputs = out_of_fold(lambda a, y: discriminant(a, y, count), x, problem.labels, fold)
        factor = sharpness(outputs, problem.labels)
        weight, bias = discriminant(x, problem.labels, count)
    cv = outputs * factor
    head = problem.place(weight * factor, bias * factor, mean, std, cv)
    choice = {"temperature": 1 / factor, "accuracy": accuracy(cv, problem.labels)}
    return FittedHead("lda", head, problem.spread(cv), choice)
