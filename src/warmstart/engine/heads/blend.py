"""The mean of linear heads, which is again one linear head: the default of the probe.

Heads that err in different ways are better together, and on the same features it costs nothing at prediction. Each
member's logits are brought to unit spread over the training samples before the mean; weighing them by cross-validation
was worse, since with few samples a fold says little. Frozen EfficientNet-Lite0 features of held-out training images,
accuracy minus that of the logistic head in points, means of two to ten draws:

    labels             20     30     50    100    200    500   1000
    Fashion-MNIST   +2.83  +3.92  +3.04  +0.73  +0.30  +0.26  +0.34
    CIFAR-10        +2.74  +2.98  +1.36  +0.25  +0.16  +0.39  +0.62
    MNIST           +2.42  +5.24  +3.10  +0.60  +0.96  +0.52  +0.82

Class means take part up to `FEW` samples per class, where they are the best single head; with more they cost accuracy.
Ridge brought nothing to the mean.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from warmstart.engine.heads.base import FittedHead, Labelled, Problem, closed_form
from warmstart.engine.heads.score import accuracy, sharpness
from warmstart.model.head import LinearHead

MEMBERS = ("lda", "logistic")
_NOTHING = 1e-30
FEW = 10
"""Samples per class (median) up to which class means take part."""


def fit(problem: Problem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """Mean of shrinkage LDA and a logistic head, and of class means too where samples are very few.

    See `HeadFit` for the arguments. The logits have the temperature of least out-of-fold log-loss.

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(Problem.of(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2)).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    names = members_of(problem)
    fitted = [closed_form[name](problem, folds=folds, seed=seed) for name in names]
    x, mean, std = problem.standard
    present = torch.from_numpy(problem.present)
    weight = torch.zeros(len(present), x.shape[1], dtype=x.dtype)
    bias, cv = x.new_zeros(len(present)), x.new_zeros(len(x), len(present))
    for member in fitted:
        own_weight, own_bias = on_scale(member.head, present, mean, std)
        own = x @ own_weight.T + own_bias
        scale = 1 / (spread_of(own) * len(fitted))
        weight, bias = weight + scale * own_weight, bias + scale * own_bias
        cv += scale * member.cv_outputs[:, present]
    factor = sharpness(cv, problem.labels)
    cv = cv * factor
    choice = {
        "members": list(names),
        "temperature": 1 / factor,
        "accuracy": accuracy(cv, problem.labels),
        "alone": {member.name: accuracy(member.cv_outputs[:, present], problem.labels) for member in fitted},
    }
    head = problem.place(weight * factor, bias * factor, mean, std, cv)
    return FittedHead("blend", head, problem.spread(cv), choice)


def members_of(problem: Labelled) -> tuple[str, ...]:
    """The heads that take part."""
    return (*MEMBERS, "class_means") if np.median(np.bincount(problem.labels)) <= FEW else MEMBERS


def on_scale(head: torch.nn.Module, rows: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """(weight (k, d), bias (k,)) of the classes `rows`, float64, that the head has on `(x - mean) / std`."""
    assert isinstance(head, LinearHead)
    weight = head.linear.weight.detach()[rows].double() / head.std.double()
    bias = head.linear.bias.detach()[rows].double() + weight @ (mean - head.mean.double())
    return weight * std, bias


def spread_of(outputs: Tensor) -> float:
    """By how much outputs differ between classes; 1 where they do not, but for rounding (divided by, it overflows)."""
    found = float((outputs - outputs.mean(1, keepdim=True)).std(correction=0))
    return found if found > _NOTHING else 1.0
