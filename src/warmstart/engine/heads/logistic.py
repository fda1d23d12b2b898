"""Multinomial logistic regression, L2 path from strong to weak, by cross-validation: the linear probe done right.

Features are standardised, then rotated onto their principal axes: an L2-penalised solution lies in the span of the
samples, so nothing is lost, fewer samples than features become fewer columns, and the problem is well conditioned.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead, Problem, standardised
from warmstart.engine.heads.folds import floored, fold_of
from warmstart.engine.heads.score import best, log_loss
from warmstart.engine.heads.softmax import NEVER, Softmax
from warmstart.engine.heads.threads import eigen, threads_for

STRENGTHS = tuple(float(c) for c in np.logspace(-5, 2, 22))
"""C of scikit-learn: weight of the summed loss against half the squared norm; three per decade."""
_PATIENCE = 4
"""The path ends when the log-loss has risen this often in a row: what follows fits noise, and takes longest to fit."""
_MOST_FOR_PATH = 5000
"""Samples that the choice is made on; with more, only the chosen C is cross-validated on all of them."""


def rotated(features: Tensor) -> tuple[Tensor, Tensor]:
    """(scores (n, r), axes (d, r)) with features = scores @ axes' and orthonormal axes; r is the rank."""
    n, d = features.shape
    if n < d:
        values, vectors = eigen(features @ features.T)
        keep = values > 1e-10 * values[-1].clamp_min(1e-300)
        lengths = values[keep].sqrt()
        return vectors[:, keep] * lengths, features.T @ (vectors[:, keep] / lengths)
    values, axes = eigen(features.T @ features)
    axes = axes[:, values > 1e-10 * values[-1].clamp_min(1e-300)]
    return features @ axes, axes


def path(
    scores: Tensor, labels: IntArray, classes: int, fold: IntArray, strengths: tuple[float, ...]
) -> tuple[list[Tensor], list[Tensor]]:
    """Out-of-fold logits (n, k), and mean weights (r + 1, k), for each C; each starts where the one before ended.

    There may be fewer than were asked for, see `_PATIENCE`.
    """
    numbers = np.unique(fold)
    used = torch.from_numpy(fold[:, None] != numbers)
    index = torch.from_numpy(labels)
    problems = Softmax.of(scores.float(), index, used, classes)
    sizes = used.sum(0)
    weights = problems.start()
    own = (torch.arange(len(fold)), torch.from_numpy(np.searchsorted(numbers, fold)))
    outputs: list[Tensor] = []
    means: list[Tensor] = []
    losses: list[float] = []
    for strength in strengths:
        weights = problems.minimise(weights, 1 / (strength * sizes), tolerance=1e-5)
        means.append(weights.mean(0))
        held_out = problems.logits(weights)[own]
        outputs.append(floored(torch.where(held_out <= NEVER / 2, -torch.inf, held_out)))
        losses.append(log_loss(outputs[-1], labels))
        recent = losses[-_PATIENCE - 1 :]
        if len(recent) > _PATIENCE and all(a < b for a, b in pairwise(recent)):
            break
    return outputs, means


def solve(
    scores: Tensor, labels: IntArray, classes: int, strength: float, start: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """(weight (k, r), bias (k,)) of one regression on all rows, float64, to high precision; `start` is (r + 1, k)."""
    index = torch.from_numpy(labels)
    problem = Softmax.of(scores, index, torch.ones(len(scores), 1, dtype=torch.bool), classes)
    penalty = torch.tensor([1 / (strength * len(scores))], dtype=scores.dtype)
    first = problem.start() if start is None else start[None].to(scores.dtype)
    weights = problem.minimise(first, penalty, tolerance=1e-12, most=1000)[0].T
    return weights[:, :-1], weights[:, -1]


def fit(features: Tensor, labels: IntArray | Tensor, classes: int, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """Logistic head at the C of best out-of-fold accuracy (then log-loss), refitted on all samples in float64.

    See `HeadFit` for the arguments. The logits have the temperature of least out-of-fold log-loss.

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    problem = Problem.of(features, labels, classes)
    targets, count = problem.labels, len(problem.present)
    fold = fold_of(targets, folds, seed)
    n, d = problem.features.shape
    with threads_for(float(n) * d * min(n, d)):
        x, mean, std = standardised(problem.features)
        scores, axes = rotated(x)
        few = (
            np.flatnonzero(fold_of(targets, -(-n // _MOST_FOR_PATH), seed) == 0) if n > _MOST_FOR_PATH else np.arange(n)
        )
        outputs, means = path(scores[torch.from_numpy(few)], targets[few], count, fold[few], STRENGTHS)
        chosen, factor, accuracies = best(outputs, targets[few])
        cv = outputs[chosen]
        if len(few) < n:
            cv = path(scores, targets, count, fold, STRENGTHS[chosen : chosen + 1])[0][0]
        weight, bias = solve(scores, targets, count, STRENGTHS[chosen], means[chosen])
    cv = cv * factor
    tried = zip(STRENGTHS, accuracies, strict=False)
    choice = {
        "C": STRENGTHS[chosen],
        "temperature": 1 / factor,
        "accuracy": accuracies[chosen],
        "path": [{"C": c, "accuracy": a} for c, a in tried],
    }
    head = problem.place(weight @ axes.T * factor, bias * factor, mean, std, cv)
    return FittedHead("logistic", head, problem.spread(cv), choice)
