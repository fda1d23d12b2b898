"""Ridge regression onto the class indicators, for a whole path of penalties from one eigendecomposition.

The intercept is not penalised. Features are standardised once, on all samples (see `standardised`); given that, the
left-out outputs are exact: they are what n refits, each without one sample, would give.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from torch import Tensor

from warmstart.engine.heads.base import FittedHead, Problem
from warmstart.engine.heads.score import best
from warmstart.engine.heads.threads import eigen, gram, threads_for

PENALTIES = tuple(float(p) for p in np.logspace(4, -5, 46))
"""In units of the mean eigenvalue of X'X over the smaller of n and d; five per decade, the strongest first."""


@dataclasses.dataclass(frozen=True)
class RidgePath:
    """Everything that ridge regressions of targets on features share, whatever the penalty.

    With centred X = U S V', the fit at penalty p has the hat matrix 1/n + U diag(g / (g + p)) U', g = S^2. It is found
    from the eigenvectors of XX' (n x n) or X'X (d x d), whichever is smaller; in the second case `basis` is U S, so
    nothing is divided by a singular value that may be zero. In the first, XX' is shifted by a multiple of 11'/n, which
    makes the constant an eigenvector of known value: 1 - hat is then a sum of small terms, not a difference of large.
    """

    features: Tensor  # (n, d), centred
    targets: Tensor  # (n, k), centred
    means: Tensor  # (k,) of the targets
    values: Tensor  # (r,) eigenvalues
    vectors: Tensor  # (n, n) or (d, d)
    basis: Tensor  # (n, r): U, or US if d < n
    squares: Tensor  # (n, r) of the basis
    inner: Tensor  # (r, k): basis' targets
    shift: float  # eigenvalue of the constant

    @classmethod
    def of(cls, features: Tensor, targets: Tensor) -> RidgePath:
        """Decompose; `features` (n, d) need not be centred, `targets` (n, k); float64."""
        x, means = features - features.mean(0), targets.mean(0)
        n, d = x.shape
        shift = float(x.square().sum()) if n <= d else 0.0
        values, vectors = eigen(gram(x) + shift / n if n <= d else gram(x.T))
        basis = vectors if n <= d else x @ vectors
        y = targets - means
        return cls(x, y, means, values, vectors, basis, basis.square(), basis.T @ y, shift)

    @property
    def scale(self) -> float:
        """Mean eigenvalue, the unit of penalties; 1 if all features are constant."""
        return float(self.features.square().sum()) / min(self.features.shape) or 1.0

    @property
    def _wide(self) -> bool:
        return self.features.shape[0] <= self.features.shape[1]

    def left_out(self, penalty: float) -> Tensor:
        """Outputs (n, k) for each sample of the fit without it: y - (y - fit) / (1 - h) with the leverage h.

        (Allen 1974; a linear smoother with a quadratic penalty, so the identity is exact with the intercept in it.)
        """
        n = len(self.features)
        if self._wide:
            kept = penalty / (self.values + penalty)
            residual = self.basis @ (kept[:, None] * self.inner)
            rest = self.squares @ kept - penalty / (self.shift + penalty) / n
        else:
            shares = 1 / (self.values + penalty)
            residual = self.targets - self.basis @ (shares[:, None] * self.inner)
            rest = 1 - 1 / n - self.squares @ shares
        return self.means + self.targets - residual / rest.clamp_min(1e-12)[:, None]

    def weights(self, penalty: float) -> tuple[Tensor, Tensor]:
        """(weight (k, d), bias (k,)) of the fit on all samples; the bias belongs to centred features."""
        inner = self.vectors @ (self.inner / (self.values + penalty)[:, None])
        return (self.features.T @ inner if self._wide else inner).T, self.means


def fit(
    problem: Problem,
    *,
    folds: int = 5,  # noqa: ARG001 (part of the contract; leave-one-out needs none)
    seed: int = 0,  # noqa: ARG001
) -> FittedHead:
    """Ridge head; the penalty of best leave-one-out accuracy out of 46, and then a factor that makes logits of outputs.

    See `HeadFit` for the arguments. It is the Bayes rule of least squares onto indicators (Hastie et al., ESL 4.2).

    >>> import torch
    >>> x = torch.tensor([[0.0, 1.0], [0.1, 0.0], [3.0, 1.0], [3.2, 0.0]])
    >>> fit(Problem.of(x, torch.tensor([0, 0, 1, 1]), 2)).logits(x).argmax(1).tolist()
    [0, 0, 1, 1]
    """
    n, d = problem.features.shape
    with threads_for(float(n) * d * min(n, d)):
        x, mean, std = problem.standard
        path = RidgePath.of(x, problem.targets)
        scale = path.scale
        penalties = [share * scale for share in PENALTIES]
        outputs = [path.left_out(penalty) for penalty in penalties]
        chosen, factor, scores = best(outputs, problem.labels)
        weight, bias = path.weights(penalties[chosen])
    cv = outputs[chosen] * factor
    choice = {
        "penalty": penalties[chosen],
        "accuracy": scores[chosen],
        "path": [{"penalty": p, "accuracy": a} for p, a in zip(penalties, scores, strict=True)],
    }
    head = problem.place(weight * factor, bias * factor, mean, std, cv)
    return FittedHead("ridge", head, problem.spread(cv), choice)
