"""Multinomial logistic regression by passes over blocks: each product with the rows is a pass.

The principal axes come from the sum of the blocks' inner products. Rows are never rotated and kept: weights are rotated
instead, which is the same product. Folds are solved one after the other, for k outputs a sample rather than k for each
fold.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.standard import BlockProblem, Standard
from warmstart.engine.heads.folds import floored, fold_of, stratified_order
from warmstart.engine.heads.logistic import (
    MOST_FOR_PATH,
    STRENGTHS,
    TOLERANCE,
    TOLERANCE_OF_FOLDS,
    axes_of,
    choice_of,
    path,
    solve,
)
from warmstart.engine.heads.score import best
from warmstart.engine.heads.softmax import NEVER, Softmax
from warmstart.engine.heads.threads import product, threads_for


@dataclasses.dataclass(frozen=True)
class Rotated:
    """The standardised rows on their principal axes, float32; a `Matrix` (`warmstart.engine.heads.softmax`)."""

    standard: Standard
    axes: Tensor  # (d, r), float32

    @property
    def columns(self) -> int:
        """r, and one of ones."""
        return self.axes.shape[1] + 1

    @property
    def dtype(self) -> torch.dtype:
        """As `Matrix` has it."""
        return self.axes.dtype

    def at(self, positions: Tensor) -> Tensor:
        """Some rows (len(positions), r)."""
        return product(self.standard[positions].float(), self.axes)

    def times(self, right: Tensor) -> Tensor:
        """As `Matrix` has it; one pass."""
        together, last = product(self.axes, right[:-1]), right[-1]
        out = torch.empty(len(self.standard), right.shape[1], dtype=self.dtype)
        for part, block in self.standard.blocks():
            out[part] = product(block.float(), together) + last
        return out

    def transposed(self, right: Tensor, *, squared: bool = False) -> Tensor:
        """As `Matrix` has it; one pass."""
        rows = self.axes.shape[1 if squared else 0]
        found = torch.zeros(rows, right.shape[1], dtype=torch.float64)
        for part, block in self.standard.blocks():
            own = product(block.float(), self.axes).square_() if squared else block.float()
            found += product(own.T, right[part])
        found = found.to(self.dtype)
        return torch.cat([found if squared else product(self.axes.T, found), right.sum(0, keepdim=True)])


def fit(problem: BlockProblem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """As `warmstart.engine.heads.logistic.fit`.

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(BlockProblem.of(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2, at_once=4)).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    standard, targets, count = problem.standard, problem.labels, len(problem.present)
    fold = fold_of(targets, folds, seed)
    few = np.sort(stratified_order(targets, seed)[:MOST_FOR_PATH])
    with threads_for(2.0 * standard.at_once * standard.width * standard.width):
        axes, _ = axes_of(standard.gram().float())
        rows = Rotated(standard, axes)
        outputs, solutions = path(rows.at(torch.from_numpy(few)), targets[few], count, fold[few], STRENGTHS)
        chosen, factor, accuracies = best(outputs, targets[few])
        cv, near = outputs[chosen], solutions[chosen]
        if len(few) < len(targets):
            cv, near = _left_out(rows, targets, count, fold, STRENGTHS[chosen], near)
        weight, bias = solve(rows, targets, count, STRENGTHS[chosen], TOLERANCE, near.mean(0))
    cv = cv * factor
    head = problem.place(product(weight, axes.T) * factor, bias * factor, standard.mean, standard.std, cv)
    return FittedHead("logistic", head, problem.spread(cv), choice_of(chosen, factor, accuracies))


def _left_out(
    rows: Rotated, labels: IntArray, classes: int, fold: IntArray, strength: float, first: Tensor
) -> tuple[Tensor, Tensor]:
    """Out-of-fold logits (n, k), and weights (folds, r + 1, k), of one C; each fold begins as `first` says."""
    index = torch.from_numpy(labels)
    cv, found = torch.empty(len(labels), classes), list[Tensor]()
    for number, start in zip(np.unique(fold), first, strict=True):
        used = torch.from_numpy(fold != number)[:, None]
        problem = Softmax.of(rows, index, used, classes)
        penalty = 1 / (strength * used.sum(0))
        weights = problem.minimise(start[None], penalty, tolerance=TOLERANCE_OF_FOLDS)
        held_out = ~used[:, 0]
        cv[held_out] = problem.logits(weights)[held_out, 0]
        found.append(weights[0])
    return floored(torch.where(cv <= NEVER / 2, -torch.inf, cv)), torch.stack(found)
