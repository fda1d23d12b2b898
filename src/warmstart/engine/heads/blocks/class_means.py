"""Nearest class mean from sums."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.standard import BlockProblem
from warmstart.engine.heads.folds import floored, fold_of
from warmstart.engine.heads.score import best
from warmstart.engine.heads.threads import threads_for


def fit(problem: BlockProblem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """As `warmstart.engine.heads.class_means.fit`, from the sums of each class in each fold.

    >>> x = torch.tensor([[0.0], [0.1], [3.0], [3.2]])
    >>> head = fit(BlockProblem.of(x, torch.tensor([0, 0, 1, 1]), 2, at_once=3))
    >>> head.logits(torch.tensor([[1.0], [2.0]])).argmax(1).tolist()
    [0, 1]
    """
    standard, fold = problem.standard, fold_of(problem.labels, folds, seed)
    count = len(problem.present)
    with threads_for(2.0 * standard.at_once * standard.width * count):
        counts, sums = _sums(problem, fold, count)
        scales = {"standardised": torch.ones_like(standard.std), "centred": standard.std}
        outputs = [_left_out(problem, fold, counts, sums, scale) for scale in scales.values()]
        chosen, factor, scores = best(outputs, problem.labels)
        name = list(scales)[chosen]
        weight, bias = _nearest(counts.sum(0), sums.sum(0), scales[name])
    cv = outputs[chosen] * factor
    std = standard.std if name == "standardised" else torch.ones_like(standard.std)
    choice = {
        "scaling": name,
        "accuracy": scores[chosen],
        "path": [{"scaling": s, "accuracy": a} for s, a in zip(scales, scores, strict=True)],
    }
    head = problem.place(weight * factor, bias * factor, standard.mean, std, cv)
    return FittedHead("class_means", head, problem.spread(cv), choice)


def _sums(problem: BlockProblem, fold: IntArray, classes: int) -> tuple[Tensor, Tensor]:
    """(counts (folds, k), sums (folds, k, d)) of the standardised rows."""
    folds = int(fold.max()) + 1
    place = torch.from_numpy(fold * classes + problem.labels)
    sums = torch.zeros(folds * classes, problem.standard.width, dtype=torch.float64)
    for part, block in problem.standard.blocks():
        sums.index_add_(0, place[part], block)
    counts = np.bincount(place.numpy(), minlength=folds * classes).reshape(folds, classes)
    return torch.from_numpy(counts).double(), sums.view(folds, classes, -1)


def _nearest(counts: Tensor, sums: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """(weight (k, d), bias (k,)) as `nearest_mean` has them, of columns that are `scale` times as wide."""
    means = sums / counts.clamp_min(1)[:, None] * scale
    return means, torch.where(counts > 0, -0.5 * means.square().sum(1), -torch.inf)


def _left_out(problem: BlockProblem, fold: IntArray, counts: Tensor, sums: Tensor, scale: Tensor) -> Tensor:
    fits = [_nearest(counts.sum(0) - counts[f], sums.sum(0) - sums[f], scale) for f in range(len(counts))]
    out = torch.empty(len(fold), counts.shape[1])
    for part, block in problem.standard.blocks():
        block *= scale
        for f, (weight, bias) in enumerate(fits):
            inside = torch.from_numpy(fold[part.numpy()] == f)
            out[part[inside]] = (block[inside] @ weight.T + bias).float()
    return floored(out)
