"""Shrinkage LDA from sums: the covariance of one class after the other, as d x d matrices.

For n samples, d features and any number of classes it holds three matrices of d x d in float64 and a block.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.standard import BlockProblem, Standard
from warmstart.engine.heads.folds import floored, fold_of
from warmstart.engine.heads.lda import least_diagonal, shrinkage
from warmstart.engine.heads.score import accuracy, sharpness
from warmstart.engine.heads.threads import product, threads_for

_FLAT = 1e-12


def fit(problem: BlockProblem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """As `warmstart.engine.heads.lda.fit`.

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(BlockProblem.of(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2, at_once=2)).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    standard, labels, count = problem.standard, problem.labels, len(problem.present)
    fold = fold_of(labels, folds, seed)
    out = torch.empty(len(labels), count)
    with threads_for(2.0 * standard.at_once * standard.width**2):
        for number in np.unique(fold):
            weight, bias = discriminant(standard, np.flatnonzero(fold != number), labels, count)
            for part, block in standard.blocks(torch.from_numpy(np.flatnonzero(fold == number))):
                out[part] = (product(block, weight.T) + bias).float()
        out = floored(out)
        factor = sharpness(out, labels)
        weight, bias = discriminant(standard, np.arange(len(labels)), labels, count)
    cv = out * factor
    head = problem.place(weight * factor, bias * factor, standard.mean, standard.std, cv)
    choice = {"temperature": 1 / factor, "accuracy": accuracy(cv, labels)}
    return FittedHead("lda", head, problem.spread(cv), choice)


def discriminant(standard: Standard, inside: IntArray, labels: IntArray, classes: int) -> tuple[Tensor, Tensor]:
    """(weight (k, d), bias (k,)) as `warmstart.engine.heads.lda.discriminant` has them, of the rows `inside`."""
    d, own = standard.width, labels[inside]
    matrix, diagonal = torch.zeros(d, d, dtype=torch.float64), torch.zeros(d, dtype=torch.float64)
    counts = torch.from_numpy(np.bincount(own, minlength=classes)).double()
    means = torch.zeros(classes, d, dtype=torch.float64)
    for label in np.unique(own):
        members = torch.from_numpy(inside[own == label])
        few = len(members) <= standard.at_once
        mean, scatter, target, amount = (_of_few if few else _of_many)(standard, members)
        means[label] = mean
        matrix += scatter.mul_((1 - amount) / len(inside))
        diagonal += target * (len(members) / len(inside) * amount)
    trace = float(matrix.diagonal().sum())
    weight = _solved(matrix, least_diagonal(diagonal, trace), means.T).T
    return weight, (counts / len(inside)).log() - 0.5 * (means * weight).sum(1)


def _of_few(standard: Standard, members: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """(mean (d,), scatter (d, d), target of shrinkage (d,), amount) of one class whose rows are held."""
    rows = standard[members]
    mean = rows.mean(0)
    rows -= mean
    deviation = _deviation(rows.square().mean(0))
    scaled = rows / deviation
    target = deviation.square() * float(scaled.square().mean())
    return mean, product(rows.T, rows), target, shrinkage(scaled)


def _of_many(standard: Standard, members: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """The same in two passes: the scatter about the mean of the first block, then what the shrinkage asks of rows."""
    n, d = len(members), standard.width
    about = standard[members[: standard.at_once]].mean(0)
    total, scatter = torch.zeros(d, dtype=torch.float64), torch.zeros(d, d, dtype=torch.float64)
    for _, block in standard.blocks(members):
        block -= about
        total += block.sum(0)
        scatter += product(block.T, block)
    apart = total / n
    scatter -= torch.outer(total, apart)
    mean = about + apart
    deviation = _deviation(scatter.diagonal() / n)
    squares = fourth = 0.0
    for _, block in standard.blocks(members):
        sizes = block.sub_(mean).div_(deviation).square_().sum(1)
        squares, fourth = squares + float(sizes.sum()), fourth + float(sizes.square().sum())
    variance = squares / (n * d)
    norm = sum(float((row / deviation / at).square().sum()) for row, at in zip(scatter, deviation, strict=True)) / n**2
    distance = (norm - d * variance**2) / d
    noise = min((fourth / n - norm) / (d * n), distance)
    return mean, scatter, deviation.square() * variance, noise / distance if noise > 0 else 0.0


def _deviation(variance: Tensor) -> Tensor:
    deviation = variance.clamp_min(0.0).sqrt()
    return torch.where(deviation > _FLAT, deviation, 1.0)


def _solved(matrix: Tensor, diagonal: Tensor, right: Tensor) -> Tensor:
    """(matrix + diagonal)^-1 @ right, (d, k); the matrix is used up."""
    root = diagonal.sqrt()[:, None]
    matrix.div_(root).div_(root.T).diagonal().add_(1.0)
    return torch.cholesky_solve(right / root, torch.linalg.cholesky(matrix, out=matrix)) / root
