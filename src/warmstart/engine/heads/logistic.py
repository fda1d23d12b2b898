"""Multinomial logistic regression, L2 path from strong to weak, by cross-validation: the linear probe done right.

Features are standardised, then rotated onto their principal axes: an L2-penalised solution lies in the span of the
samples, so nothing is lost, fewer samples than features become fewer columns, and the problem is well conditioned.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead, Problem
from warmstart.engine.heads.folds import floored, fold_of, stratified_order
from warmstart.engine.heads.score import best, log_loss
from warmstart.engine.heads.softmax import NEVER, Dense, Matrix, Softmax
from warmstart.engine.heads.threads import eigen, gram, product, threads_for

STRENGTHS = tuple(float(c) for c in np.logspace(-5, 2, 22))
"""C of scikit-learn: weight of the summed loss against half the squared norm; three per decade."""
_PATIENCE = 4
"""The path ends when the log-loss has risen this often in a row: what follows fits noise, and takes longest to fit."""
TOLERANCE = 1e-7
"""Of the loss; logits are then right to about 0.02, while leaving a fold out moves them by about 1."""
TOLERANCE_OF_FOLDS = 1e-5
MOST_FOR_PATH = 2000
"""Samples that the choice is made on; with more, only the chosen C is cross-validated on all of them."""


def rotated(features: Tensor) -> tuple[Tensor, Tensor]:
    """(scores (n, r), axes (d, r)) with features = scores @ axes' and orthonormal axes; r is the rank."""
    n, d = features.shape
    vectors, lengths = axes_of(gram(features if n < d else features.T))
    with threads_for(2.0 * n * vectors.numel()):
        if n >= d:
            return product(features, vectors), vectors
        return vectors * lengths, product(features.T, vectors / lengths)


def axes_of(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """(axes (m, r), lengths (r,)): eigenvectors of inner products (m, m), roots of their values; r is the rank."""
    values, vectors = eigen(matrix)
    noise = 1e-6 if matrix.dtype == torch.float32 else 1e-10
    keep = values > noise * values[-1].clamp_min(torch.finfo(values.dtype).tiny)
    return vectors[:, keep], values[keep].sqrt()


def path(
    scores: Tensor,
    labels: IntArray,
    classes: int,
    fold: IntArray,
    strengths: tuple[float, ...],
    first: Tensor | None = None,
) -> tuple[list[Tensor], list[Tensor]]:
    """Out-of-fold logits (n, k), and weights (folds, r + 1, k), for each C, in float32; the first begins at `first`.

    Each starts where the two before it point to, which is almost there: the C are evenly spaced on the log scale, and
    weights change smoothly along it. There may be fewer than were asked for, see `_PATIENCE`.
    """
    numbers = np.unique(fold)
    used = torch.from_numpy(fold[:, None] != numbers)
    index = torch.from_numpy(labels)
    problems = Softmax.of(Dense.of(scores.float()), index, used, classes)
    sizes = used.sum(0)
    weights = before = problems.start() if first is None else first
    own = (torch.arange(len(fold)), torch.from_numpy(np.searchsorted(numbers, fold)))
    outputs: list[Tensor] = []
    solutions: list[Tensor] = []
    losses: list[float] = []
    for strength in strengths:
        start = 2 * weights - before
        before, weights = weights, problems.minimise(start, 1 / (strength * sizes), tolerance=TOLERANCE_OF_FOLDS)
        solutions.append(weights)
        held_out = problems.logits(weights)[own]
        outputs.append(floored(torch.where(held_out <= NEVER / 2, -torch.inf, held_out)))
        losses.append(log_loss(outputs[-1], labels))
        recent = losses[-_PATIENCE - 1 :]
        if len(recent) > _PATIENCE and all(a < b for a, b in pairwise(recent)):
            break
    return outputs, solutions


def solve(
    rows: Matrix, labels: IntArray, classes: int, strength: float, tolerance: float, start: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """(weight (k, r), bias (k,)) of one regression on all rows, to within `tolerance` of the least loss.

    `start` (r + 1, k) is where to begin.
    """
    index = torch.from_numpy(labels)
    problem = Softmax.of(rows, index, torch.ones(len(labels), 1, dtype=torch.bool), classes)
    penalty = torch.tensor([1 / (strength * len(labels))], dtype=rows.dtype)
    first = problem.start() if start is None else start[None].to(rows.dtype)
    weights = problem.minimise(first, penalty, tolerance=tolerance, most=1000)[0].T
    return weights[:, :-1], weights[:, -1]


def fit(problem: Problem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """Logistic head at the C of best out-of-fold accuracy (then log-loss), refitted on all samples.

    See `HeadFit` for the arguments. The logits have the temperature of least out-of-fold log-loss.

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(Problem.of(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2)).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    targets, count = problem.labels, len(problem.present)
    fold = fold_of(targets, folds, seed)
    x, mean, std = problem.standard
    scores, axes = rotated(x.float())
    few = np.sort(stratified_order(targets, seed)[:MOST_FOR_PATH])
    with threads_for(2.0 * scores.numel() * count * len(np.unique(fold))):
        outputs, solutions = path(scores[torch.from_numpy(few)], targets[few], count, fold[few], STRENGTHS)
        chosen, factor, accuracies = best(outputs, targets[few])
        cv, near = outputs[chosen], solutions[chosen]
        if len(few) < len(targets):
            (cv,), (near,) = path(scores, targets, count, fold, STRENGTHS[chosen : chosen + 1], near)
    with threads_for(2.0 * scores.numel() * count):
        weight, bias = solve(Dense.of(scores), targets, count, STRENGTHS[chosen], TOLERANCE, near.mean(0))
    cv = cv * factor
    head = problem.place(product(weight, axes.T) * factor, bias * factor, mean, std, cv)
    return FittedHead("logistic", head, problem.spread(cv), choice_of(chosen, factor, accuracies))


def choice_of(chosen: int, factor: float, accuracies: Sequence[float]) -> dict[str, Any]:
    """What is told of a head: the strength at index `chosen`, and the accuracy of each that was tried."""
    return {
        "C": STRENGTHS[chosen],
        "temperature": 1 / factor,
        "accuracy": accuracies[chosen],
        "path": [{"C": c, "accuracy": a} for c, a in zip(STRENGTHS, accuracies, strict=False)],
    }
