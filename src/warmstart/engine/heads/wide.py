"""Ridge regression where features are many more than samples.

What `warmstart.engine.heads.ridge` and `numbers` are for features of a network, for those of random convolutions: the
penalty is one of ten, by the squared error of leave-one-out, as MiniRocket's authors have it (Dempster et al. 2021,
section 4; scikit-learn's `RidgeClassifierCV`). Of more samples than `MOST` the eigenvectors would take minutes: the
penalty is then chosen on some of them, and the regression on all is solved by Cholesky's factors.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead, Problem, standardised
from warmstart.engine.heads.folds import stratified_order
from warmstart.engine.heads.numbers import platt
from warmstart.engine.heads.ridge import RidgePath
from warmstart.engine.heads.score import accuracy, sharpness
from warmstart.engine.heads.threads import gram, product, threads_for
from warmstart.errors import TrainingError
from warmstart.model.head import LinearHead
from warmstart.task.base import Task, is_known

PENALTIES = tuple(float(p) for p in np.logspace(3, -3, 10))
"""The strongest first, of targets and features as they are."""
MOST = 3000
"""Samples on which the penalty is chosen, at most."""


def fit(problem: Problem, *, folds: int = 5, seed: int = 0) -> FittedHead:  # noqa: ARG001 (leave-one-out needs none)
    """As `fit_wide` on features of any scale. See `HeadFit` for the arguments.

    >>> import torch
    >>> x = torch.tensor([[0.0, 1.0], [0.1, 0.0], [3.0, 1.0], [3.2, 0.0]])
    >>> fit(Problem.of(x, torch.tensor([0, 0, 1, 1]), 2)).logits(x).argmax(1).tolist()
    [0, 0, 1, 1]
    """
    return _classes(problem, *problem.standard, seed)


def fit_wide(
    task: Task, features: Tensor, targets: Tensor, classes: int, seed: int = 0, *, scaled: bool = False
) -> FittedHead:
    """The head of a task; its logits are calibrated on left-out answers. `choice` holds the penalty.

    Args:
        task: `classify`, `multilabel` or `regress`.
        features: (n, d).
        targets: as the task has them, (n,) classes or (n, k); NaN where unknown.
        classes: number of outputs.
        seed: of the samples on which the penalty is chosen, where not all are taken.
        scaled: whether features come on the scale on which they are to be penalised, rather than to be standardised.

    Raises:
        TrainingError: a feature is not finite, there is one class, or fewer than two samples.
    """
    if task.name == "classify":
        problem = Problem.of(features, targets, classes)
        x, mean, std = (problem.features, *_as_they_are(features)) if scaled else problem.standard
        return _classes(problem, x, mean, std, seed)
    known = is_known(targets)
    if int(known.sum()) < 2 or not bool(torch.isfinite(features).all()):
        raise TrainingError(f"{int(known.sum())} training samples with a label", "at least two, of finite values")
    y, rows = targets[known].double(), features[known].double()
    x, mean, std = (rows, *_as_they_are(features)) if scaled else standardised(rows)
    weight, bias, out, penalty = _solve(x, y, np.sort(np.random.default_rng(seed).permutation(len(y))[:MOST]))
    if task.name == "multilabel":
        factors, shifts = platt(out, y)
        weight, bias, out = weight * factors[:, None], bias * factors + shifts, out * factors + shifts
    head = LinearHead(features.shape[1], y.shape[1])
    head.set_linear(weight.float(), bias.float(), mean.float(), std.float())
    cv = torch.full(targets.shape, torch.nan)
    cv[known] = out.float()
    return FittedHead("wide", head.eval(), cv, {"penalty": penalty}, _told(penalty))


def _classes(problem: Problem, x: Tensor, mean: Tensor, std: Tensor, seed: int) -> FittedHead:
    some = np.sort(stratified_order(problem.labels, seed)[:MOST])
    weight, bias, out, penalty = _solve(x, problem.targets, some)
    factor = sharpness(out, problem.labels)
    out = out * factor
    head = problem.place(weight * factor, bias * factor, mean, std, out)
    choice = {"penalty": penalty, "accuracy": accuracy(out, problem.labels)}
    return FittedHead("wide", head, problem.spread(out), choice, _told(penalty))


def _told(penalty: float) -> str:
    return f"wide, ridge regression with penalty {penalty:g} by leave-one-out"


def _as_they_are(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and the deviation of a head that changes no scale."""
    return torch.zeros(features.shape[1]), torch.ones(features.shape[1])


def _solve(x: Tensor, y: Tensor, some: IntArray) -> tuple[Tensor, Tensor, Tensor, float]:
    """(weight (k, d), bias (k,), left-out outputs (n, k), penalty) of targets y (n, k) on x (n, d), float64.

    Outputs of `some` are those of the fit on the others of them, outputs of the rest those of the fit on `some`.
    """
    n, d = x.shape
    few = torch.from_numpy(some)
    whole = len(some) == n
    with threads_for(float(len(some)) ** 2 * d):
        path = RidgePath.of(x if whole else x[few], y if whole else y[few])
        outputs = [path.left_out(penalty) for penalty in PENALTIES]
        truth = y[few]
        chosen = int(np.argmin([float((one - truth).square().mean()) for one in outputs]))
        mean = (x if whole else x[few]).mean(0)
        weight, bias = path.weights(PENALTIES[chosen])
    out = outputs[chosen]
    if not whole:
        out = ((x - mean) @ weight.T + bias).index_copy_(0, few, out)
        mean = x.mean(0)
        weight, bias = _direct(x - mean, y, PENALTIES[chosen])
    return weight, bias - weight @ mean, out, PENALTIES[chosen]


def _direct(x: Tensor, y: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """(weight (k, d), bias (k,)) at one penalty, of centred features; from the smaller of XX' and X'X."""
    bias = y.mean(0)
    dual = x.shape[0] <= x.shape[1]
    matrix = gram(x if dual else x.T)
    matrix.diagonal().add_(penalty)
    factors = torch.linalg.cholesky(matrix)
    if dual:
        return product(torch.cholesky_solve(y - bias, factors).T, x), bias
    return torch.cholesky_solve(product(x.T, y - bias), factors).T, bias
