"""The best of several closed-form heads, by what each says of training samples it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead, Problem, closed_form
from warmstart.engine.heads.score import accuracy, log_loss
from warmstart.model.backbone import FeatureGroup


def best_closed_form(
    features: Tensor,
    labels: IntArray | Tensor,
    classes: int,
    names: Sequence[str] = ("logistic",),
    seed: int = 0,
    *,
    folds: int = 5,
    groups: Sequence[FeatureGroup] = (),
) -> FittedHead:
    """Fit the heads called `names` and keep the one of best out-of-fold accuracy, then log-loss, then the first named.

    `choice["heads"]` of the result has both numbers of every head. See `Problem.of` for the arguments and errors.

    >>> import torch
    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> best_closed_form(x, torch.tensor([0, 0, 1, 1]), 2, ["knn", "ridge"]).choice["heads"]["knn"]["accuracy"]
    1.0
    """
    problem = Problem.of(features, labels, classes, groups)
    return best_of([closed_form[name](problem, folds=folds, seed=seed) for name in names], labels)


def best_of(fitted: Sequence[FittedHead], labels: IntArray | Tensor) -> FittedHead:
    """The one of best out-of-fold accuracy, then log-loss, then the first; `choice["heads"]` compares them."""
    targets = np.asarray(labels, dtype=np.int64)
    compared = {
        head.name: {"accuracy": accuracy(head.cv_outputs, targets), "log_loss": log_loss(head.cv_outputs, targets)}
        for head in fitted
    }
    best = max(fitted, key=lambda head: (compared[head.name]["accuracy"], -compared[head.name]["log_loss"]))
    best.choice["heads"] = compared
    return best
