"""Nearest class mean: a sample belongs to the class whose mean is nearest. Hard to beat with one to five shots."""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead, Problem, class_means
from warmstart.engine.heads.folds import fold_of, out_of_fold
from warmstart.engine.heads.score import best
from warmstart.engine.heads.threads import threads_for


def nearest_mean(features: Tensor, labels: IntArray, classes: int) -> tuple[Tensor, Tensor]:
    """(weight (k, d), bias (k,)) with `weight @ x + bias` = -|x - mean|^2 / 2 up to what is the same for every class.

    A class that does not occur has a bias of minus infinity.
    """
    counts, means = class_means(features, labels, classes)
    return means, torch.where(counts > 0, -0.5 * means.square().sum(1), -torch.inf)


def fit(problem: Problem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """Nearest class mean on standardised or on merely centred features, whichever cross-validates better.

    See `HeadFit` for the arguments. It is linear, and its logits have the temperature of least out-of-fold log-loss.

    >>> x = torch.tensor([[0.0], [0.1], [3.0], [3.2]])
    >>> fit(Problem.of(x, torch.tensor([0, 0, 1, 1]), 2)).logits(torch.tensor([[1.0], [2.0]])).argmax(1).tolist()
    [0, 1]
    """
    fold = fold_of(problem.labels, folds, seed)
    count = len(problem.present)
    with threads_for(2.0 * problem.features.numel() * count):
        scaled, mean, std = problem.standard
        centred = {"standardised": scaled, "centred": scaled * std}
        outputs = [
            out_of_fold(lambda x, y: nearest_mean(x, y, count), x, problem.labels, fold) for x in centred.values()
        ]
        chosen, factor, scores = best(outputs, problem.labels)
        name = list(centred)[chosen]
        weight, bias = nearest_mean(centred[name], problem.labels, count)
    cv = outputs[chosen] * factor
    std = std if name == "standardised" else torch.ones_like(std)
    choice = {
        "scaling": name,
        "accuracy": scores[chosen],
        "path": [{"scaling": s, "accuracy": a} for s, a in zip(centred, scores, strict=True)],
    }
    head = problem.place(weight * factor, bias * factor, mean, std, cv)
    return FittedHead("class_means", head, problem.spread(cv), choice)
