"""The mean of linear heads, each fitted in blocks: what is held are their outputs."""

from __future__ import annotations

import torch

from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blend import members_of, on_scale, spread_of
from warmstart.engine.heads.blocks.registry import in_blocks
from warmstart.engine.heads.blocks.standard import BlockProblem
from warmstart.engine.heads.score import accuracy, sharpness


def fit(problem: BlockProblem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """As `warmstart.engine.heads.blend.fit`.

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(BlockProblem.of(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2, at_once=4)).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    names, standard = members_of(problem), problem.standard
    mean, std, present = standard.mean, standard.std, torch.from_numpy(problem.present)
    weight = torch.zeros(len(present), standard.width, dtype=torch.float64)
    bias, cv = weight.new_zeros(len(present)), torch.zeros(len(standard), len(present))
    alone: dict[str, float] = {}
    for name in names:
        member = in_blocks[name](problem, folds=folds, seed=seed)
        own_weight, own_bias = on_scale(member.head, present, mean, std)
        scale = 1 / (spread_of(standard.times(own_weight, own_bias)) * len(names))
        weight, bias = weight + scale * own_weight, bias + scale * own_bias
        cv.add_(member.cv_outputs[:, present], alpha=scale)
        alone[member.name] = accuracy(member.cv_outputs[:, present], problem.labels)
    factor = sharpness(cv, problem.labels)
    cv *= factor
    choice = {
        "members": list(names),
        "temperature": 1 / factor,
        "accuracy": accuracy(cv, problem.labels),
        "alone": alone,
    }
    head = problem.place(weight * factor, bias * factor, mean, std, cv)
    return FittedHead("blend", head, problem.spread(cv), choice)
