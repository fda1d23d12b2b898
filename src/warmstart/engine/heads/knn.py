"""Nearest neighbours by cosine similarity; the number of neighbours and the temperature by leave-one-out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.engine.heads.base import FittedHead, Labelled, Problem
from warmstart.engine.heads.score import accuracy, log_loss
from warmstart.engine.heads.threads import threads_for
from warmstart.model.head import KNNHead

NEIGHBOURS = (1, 2, 3, 5, 10, 20, 50, 100)
TEMPERATURES = (0.02, 0.04, 0.07, 0.15, 0.3)
_ROWS = 2048  # of the similarity matrix at a time


def fit(
    problem: Problem,
    *,
    folds: int = 5,  # noqa: ARG001 (part of the contract; leave-one-out needs none)
    seed: int = 0,  # noqa: ARG001
) -> FittedHead:
    """The vote of `KNNHead`, with k and temperature of best leave-one-out accuracy, then log-loss.

    See `HeadFit` for the arguments; nothing about it is random.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> fit(Problem.of(x, torch.tensor([0, 0, 1, 1]), 2)).logits(torch.tensor([[3.0, 1.0]])).argmax().item()
    0
    """
    n = len(problem.labels)
    with threads_for(2.0 * min(n, _ROWS) * problem.features.numel()):
        similarity, neighbours = nearest_others(problem.features.float(), min(n - 1, max(NEIGHBOURS)))
        cv, choice = chosen_vote(similarity, torch.from_numpy(problem.labels)[neighbours], problem)
    head = KNNHead(problem.features.shape[1], problem.classes, n, choice["k"], choice["temperature"])
    head.set_bank(problem.features.float(), torch.from_numpy(problem.present[problem.labels]))
    return FittedHead("knn", head.eval(), problem.spread(cv), choice)


def chosen_vote(similarity: Tensor, voters: Tensor, problem: Labelled) -> tuple[Tensor, dict[str, Any]]:
    """(outputs (n, k), what was chosen) at the best number of neighbours and temperature; both (n, neighbours)."""
    n, count = len(problem.labels), len(problem.present)
    tried: list[tuple[float, float, int, float]] = []
    for k in [k for k in NEIGHBOURS if k < n]:
        for temperature in TEMPERATURES if k > 1 else TEMPERATURES[2:3]:  # one neighbour has the only vote
            outputs = vote(similarity[:, :k], voters[:, :k], count, temperature)
            scores = (accuracy(outputs, problem.labels), -log_loss(outputs, problem.labels))
            tried.append((*scores, k, temperature))
    score, _, k, temperature = max(tried)
    path = [{"k": k, "temperature": t, "accuracy": a} for a, _, k, t in tried]
    choice = {"k": k, "temperature": temperature, "accuracy": score, "path": path}
    return vote(similarity[:, :k], voters[:, :k], count, temperature), choice


def nearest_others(features: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(cosine similarity, index), each (n, k), of the nearest other samples, the nearest first."""
    rows = functional.normalize(features, dim=1)
    found: list[tuple[Tensor, Tensor]] = []
    for start in range(0, len(rows), _ROWS):
        similarity = rows[start : start + _ROWS] @ rows.T
        here = torch.arange(len(similarity))
        similarity[here, start + here] = -torch.inf
        top = similarity.topk(k, dim=1)
        found.append((top.values, top.indices))
    return torch.cat([values for values, _ in found]), torch.cat([indices for _, indices in found])


def vote(similarity: Tensor, voters: Tensor, classes: int, temperature: float) -> Tensor:
    """Logarithms of the shares of the votes (n, classes), as `KNNHead` gives them, from neighbours (n, k)."""
    weights = ((similarity - similarity[:, :1]) / temperature).exp()
    votes = weights.new_zeros(len(weights), classes).scatter_add_(1, voters, weights)
    shares = votes / votes.sum(dim=1, keepdim=True)
    return shares.clamp_min(torch.finfo(shares.dtype).eps).log()
