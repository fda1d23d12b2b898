"""Nearest neighbours against a bank that is held once: it is the model itself."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.standard import BlockProblem
from warmstart.engine.heads.knn import NEIGHBOURS, chosen_vote
from warmstart.engine.heads.threads import threads_for
from warmstart.model.head import KNNHead

_BYTES = 32 * 2**20
"""Of the similarities that are held at a time."""


def fit(
    problem: BlockProblem,
    *,
    folds: int = 5,  # noqa: ARG001 (part of the contract; leave-one-out needs none)
    seed: int = 0,  # noqa: ARG001
) -> FittedHead:
    """As `warmstart.engine.heads.knn.fit`. The features of all samples are held, in float32, for they are shipped.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> head = fit(BlockProblem.of(x, torch.tensor([0, 0, 1, 1]), 2, at_once=3))
    >>> head.logits(torch.tensor([[3.0, 1.0]])).argmax().item()
    0
    """
    standard = problem.standard
    n = len(standard)
    head = KNNHead(standard.width, problem.classes, n)
    for part in torch.split(standard.used, standard.at_once):
        head.bank[part] = functional.normalize(standard.rows[part].float(), dim=1)
    head.labels.copy_(torch.from_numpy(problem.present[problem.labels]))
    with threads_for(2.0 * n * standard.width):
        similarity, neighbours = _nearest_others(head.bank, min(n - 1, max(NEIGHBOURS)))
        cv, choice = chosen_vote(similarity, torch.from_numpy(problem.labels)[neighbours], problem)
    head.k, head.temperature = choice["k"], choice["temperature"]
    return FittedHead("knn", head.eval(), problem.spread(cv), choice)


def _nearest_others(bank: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(cosine similarity, index), each (n, k), of the nearest other rows of normalised ones, the nearest first."""
    values, indices = torch.empty(len(bank), k), torch.empty(len(bank), k, dtype=torch.int64)
    step = max(1, _BYTES // (4 * len(bank)))
    for start in range(0, len(bank), step):
        similarity = bank[start : start + step] @ bank.T
        here = torch.arange(len(similarity))
        similarity[here, start + here] = -torch.inf
        values[start : start + step], indices[start : start + step] = similarity.topk(k, dim=1)
    return values, indices
