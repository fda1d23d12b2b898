"""The two-loop recursion of L-BFGS for many problems at once, one per row (Nocedal & Wright 2006, algorithm 7.4)."""

from __future__ import annotations

import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor, Tensor]
"""(step (b, m), change of the gradient (b, m), 1 / their product (b,))."""
_MEMORY = 10


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of each row, (b,)."""
    return (a * b).sum(1)


def inverse_hessian(gradient: Tensor, scale: Tensor, memory: list[Pair]) -> Tensor:
    """The gradient (b, m) times an estimate of the inverse Hessian, around the diagonal `scale` (b, m)."""
    vector, factors = gradient, []
    for step, change, inverse in reversed(memory):
        factor = inverse * dot(step, vector)
        vector = vector - change * factor[:, None]
        factors.append(factor)
    vector = vector * scale
    if memory:
        _, change, inverse = memory[-1]
        size = dot(change * scale, change) * inverse
        vector = vector / torch.where(size > 0, size, 1.0)[:, None]
    for (step, change, inverse), factor in zip(memory, reversed(factors), strict=True):
        vector = vector + step * (factor - inverse * dot(change, vector))[:, None]
    return vector


def remember(memory: list[Pair], step: Tensor, change: Tensor) -> None:
    """Keep the newest pairs; a problem that made no progress contributes zero, which the recursion passes over."""
    curvature = dot(step, change)
    useful = curvature > torch.finfo(step.dtype).tiny
    memory.append((step, change, torch.where(useful, 1 / curvature, 0.0)))
    del memory[:-_MEMORY]
