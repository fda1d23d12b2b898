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
from warmstart.engine.heads.base import FittedHead, Problem, class_means
from warmstart.engine.heads.folds import fold_of, out_of_fold
from warmstart.engine.heads.score import accuracy, sharpness
from warmstart.engine.heads.threads import gram, product, threads_for

_SMALLEST = 1e-9
"""Least diagonal of the covariance, against the mean one: what has no variance at all must not be divided by."""
_REFINEMENTS = 6
_CONVERGED = 1e-5
"""Size of a correction after which the next, smaller by at least as much, is not worth while."""


def shrinkage(scaled: Tensor) -> float:
    """Ledoit-Wolf's share of the target, for centred rows (n, d) (Ledoit & Wolf 2004, lemma 3.1 to 3.4)."""
    n, d = scaled.shape
    squares = scaled.square().sum(1)
    mean_variance = float(squares.sum()) / (n * d)
    norm = float(gram(scaled if n <= d else scaled.T).square().sum()) / n**2  # squared Frobenius norm of the covariance
    distance = (norm - d * mean_variance**2) / d
    noise = min((float(squares.square().sum()) / n - norm) / (d * n), distance)
    return noise / distance if noise > 0 else 0.0


def _covariance(features: Tensor, labels: IntArray) -> tuple[Tensor, Tensor]:
    """(rows A (n, d), diagonal (d,)): the covariance shared by the classes is A'A plus the diagonal."""
    parts: list[Tensor] = []
    diagonal = torch.zeros(features.shape[1], dtype=features.dtype)
    for label in np.unique(labels):
        members = features[torch.from_numpy(np.flatnonzero(labels == label))]
        centred = members - members.mean(0)
        deviation = centred.square().mean(0).sqrt()
        deviation = torch.where(deviation > 1e-12, deviation, 1.0)
        scaled = centred / deviation
        amount, share = shrinkage(scaled), len(members) / len(labels)
        parts.append(centred * ((1 - amount) / len(labels)) ** 0.5)
        diagonal += share * amount * float(scaled.square().mean()) * deviation.square()
    return torch.cat(parts), diagonal


def solve(rows: Tensor, diagonal: Tensor, right: Tensor) -> Tensor:
    """(A'A + diagonal)^-1 @ right, for right (d, k), to the precision of float64.

    Factorised in float32, which is most of the work, and refined by the residuals in float64. That converges unless the
    matrix is nearly singular, and then it is factorised in float64 (LAPACK's dsgesv; Higham 2002, chapter 12).
    """
    half = _Factor(rows.float(), diagonal.float())
    if half.regular:
        solution = half.solve(right.float()).double()
        for _ in range(_REFINEMENTS):
            residual = right - diagonal[:, None] * solution - product(rows.T, product(rows, solution))
            correction = half.solve(residual.float()).double()
            solution = solution + correction
            if float(correction.norm()) <= _CONVERGED * float(solution.norm()):
                return solution
    return _Factor(rows, diagonal).solve(right)


class _Factor:
    """A'A + diagonal, factorised; by way of n x n where A (n, d) has fewer rows than columns (Woodbury)."""

    def __init__(self, rows: Tensor, diagonal: Tensor) -> None:
        n, d = rows.shape
        self._wide = n < d
        self._root = diagonal.sqrt()[:, None]
        self._scaled = rows / self._root.T
        matrix = gram(self._scaled if self._wide else self._scaled.T)
        matrix.diagonal().add_(1.0)
        self._triangle, failed = torch.linalg.cholesky_ex(matrix)
        self.regular = not bool(failed) and bool(torch.isfinite(self._triangle).all())

    def solve(self, right: Tensor) -> Tensor:
        first = right / self._root
        if self._wide:
            inner = torch.cholesky_solve(product(self._scaled, first), self._triangle)
            first = first - product(self._scaled.T, inner)
        else:
            first = torch.cholesky_solve(first, self._triangle)
        return first / self._root


def discriminant(features: Tensor, labels: IntArray, classes: int) -> tuple[Tensor, Tensor]:
    """(weight (k, d), bias (k,)) of the log posterior, up to what classes share; -inf for one that does not occur."""
    counts, means = class_means(features, labels, classes)
    rows, diagonal = _covariance(features, labels)
    weight = solve(rows, least_diagonal(diagonal, float(rows.square().sum())), means.T).T
    return weight, (counts / len(labels)).log() - 0.5 * (means * weight).sum(1)


def least_diagonal(diagonal: Tensor, trace: float) -> Tensor:
    """The diagonal (d,) of a covariance, raised to `_SMALLEST` where it is less; `trace` is that of the rest."""
    return diagonal.clamp_min(_SMALLEST * (float(diagonal.mean()) + trace / len(diagonal)) or 1.0)


def fit(problem: Problem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """Shrinkage LDA. Its posteriors are too sure of themselves, so the logits get one factor by cross-validation.

    See `HeadFit` for the arguments. Tip-Adapter's successors rest on it: Wang et al., ICLR 2024 (arXiv 2402.04087).

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(Problem.of(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2)).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    fold = fold_of(problem.labels, folds, seed)
    count = len(problem.present)
    x, mean, std = problem.standard
    with threads_for(2.0 * x.numel() * count):
        outputs = out_of_fold(lambda a, y: discriminant(a, y, count), x, problem.labels, fold)
        factor = sharpness(outputs, problem.labels)
        weight, bias = discriminant(x, problem.labels, count)
    cv = outputs * factor
    head = problem.place(weight * factor, bias * factor, mean, std, cv)
    choice = {"temperature": 1 / factor, "accuracy": accuracy(cv, problem.labels)}
    return FittedHead("lda", head, problem.spread(cv), choice)
