"""Ridge regression where features are many more than samples, and come scaled as they are to be penalised.

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
from warmstart.engine.heads.base import Problem
from warmstart.engine.heads.folds import stratified_order
from warmstart.engine.heads.numbers import platt
from warmstart.engine.heads.ridge import RidgePath
from warmstart.engine.heads.score import sharpness
from warmstart.engine.heads.threads import gram, product, threads_for
from warmstart.errors import TrainingError
from warmstart.model.head import LinearHead
from warmstart.task.base import Task, is_known

PENALTIES = tuple(float(p) for p in np.logspace(3, -3, 10))
"""The strongest first, of targets and features as they are."""
MOST = 3000
"""Samples on which the penalty is chosen, at most."""


def fit_wide(task: Task, features: Tensor, targets: Tensor, classes: int, seed: int = 0) -> tuple[LinearHead, float]:
    """The head of a task, and its penalty. Its logits are calibrated on left-out answers.

    Args:
        task: `classify`, `multilabel` or `regress`.
        features: (n, d), of about unit scale; they are centred and nothing else.
        targets: as the task has them, (n,) classes or (n, k); NaN where unknown.
        classes: number of outputs.
        seed: of the samples on which the penalty is chosen, where not all are taken.

    Raises:
        TrainingError: a feature is not finite, there is one class, or fewer than two samples.
    """
    if task.name == "classify":
        problem = Problem.of(features, targets, classes)
        order = stratified_order(problem.labels, seed)[:MOST]
        weight, bias, out, penalty = _solve(problem.features, problem.targets, np.sort(order))
        factor = sharpness(out, problem.labels[np.sort(order)])
        mean, std = torch.zeros(features.shape[1]), torch.ones(features.shape[1])
        head = problem.place(weight * factor, bias * factor, mean, std, out * factor)
        return head, penalty
    known = is_known(targets)
    if int(known.sum()) < 2 or not bool(torch.isfinite(features).all()):
        raise TrainingError(f"{int(known.sum())} training samples with a label", "at least two, of finite values")
    y = targets[known].double()
    some = np.sort(np.random.default_rng(seed).permutation(len(y))[:MOST])
    weight, bias, out, penalty = _solve(features[known].double(), y, some)
    if task.name == "multilabel":
        factors, shifts = platt(out, y[torch.from_numpy(some)])
        weight, bias = weight * factors[:, None], bias * factors + shifts
    head = LinearHead(features.shape[1], y.shape[1])
    head.set_linear(weight.float(), bias.float())
    return head.eval(), penalty


def _solve(x: Tensor, y: Tensor, some: IntArray) -> tuple[Tensor, Tensor, Tensor, float]:
    """(weight (k, d), bias (k,), left-out outputs of `some`, penalty) of targets y (n, k) on x (n, d), float64."""
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
    if not whole:
        mean = x.mean(0)
        weight, bias = _direct(x - mean, y, PENALTIES[chosen])
    return weight, bias - weight @ mean, outputs[chosen], PENALTIES[chosen]


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
