"""Ridge regression with exact leave-one-out, from X'X: every penalty in one pass of left-out outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.standard import BlockProblem, Standard
from warmstart.engine.heads.ridge import PENALTIES
from warmstart.engine.heads.score import log_loss, sharpness
from warmstart.engine.heads.threads import eigen, product, threads_for


@dataclasses.dataclass(frozen=True)
class BlockRidge:
    """What `RidgePath` is, of rows that are not held. Standardised columns have no mean, so X'X needs no centring."""

    standard: Standard
    targets: Tensor  # (n, k), as they are
    means: Tensor  # (k,), float64
    values: Tensor  # (d,)
    vectors: Tensor  # (d, d)
    inner: Tensor  # (d, k): vectors' X' targets

    @classmethod
    def of(cls, standard: Standard, targets: Tensor) -> BlockRidge:
        """One pass, and a decomposition of d x d."""
        means = targets.double().mean(0)
        matrix = torch.zeros(standard.width, standard.width, dtype=torch.float64)
        right = torch.zeros(standard.width, targets.shape[1], dtype=torch.float64)
        for part, block in standard.blocks():
            matrix += product(block.T, block)
            right += product(block.T, targets[part].double() - means)
        values, vectors = eigen(matrix)
        return cls(standard, targets, means, values, vectors, product(vectors.T, right))

    @property
    def scale(self) -> float:
        """As `RidgePath` has it."""
        return float(self.values.sum()) / min(len(self.standard), self.standard.width) or 1.0

    def left_out(self, penalties: Sequence[float]) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """(positions, outputs (b, k) at each penalty for these samples of the fit without them), a block at a time."""
        n = len(self.standard)
        for part, block in self.standard.blocks():
            basis = product(block, self.vectors)
            squares, truth = basis.square(), self.targets[part].double()
            found: list[Tensor] = []
            for penalty in penalties:
                shares = 1 / (self.values + penalty)
                residual = truth - self.means - product(basis, shares[:, None] * self.inner)
                rest = 1 - 1 / n - squares @ shares
                found.append(truth - residual / rest.clamp_min(1e-12)[:, None])
            yield part, found

    def outputs(self, penalty: float) -> Tensor:
        """Left-out outputs (n, k), float32."""
        out = torch.empty(self.targets.shape)
        for part, (found,) in self.left_out([penalty]):
            out[part] = found.float()
        return out

    def weights(self, penalty: float) -> tuple[Tensor, Tensor]:
        """As `RidgePath` has them."""
        return (self.vectors @ (self.inner / (self.values + penalty)[:, None])).T, self.means


def fit(
    problem: BlockProblem,
    *,
    folds: int = 5,  # noqa: ARG001 (part of the contract; leave-one-out needs none)
    seed: int = 0,  # noqa: ARG001
) -> FittedHead:
    """As `warmstart.engine.heads.ridge.fit`.

    >>> x = torch.tensor([[0.0, 1.0], [0.1, 0.0], [3.0, 1.0], [3.2, 0.0]])
    >>> fit(BlockProblem.of(x, torch.tensor([0, 0, 1, 1]), 2, at_once=3)).logits(x).argmax(1).tolist()
    [0, 0, 1, 1]
    """
    standard, labels = problem.standard, torch.from_numpy(problem.labels)
    with threads_for(2.0 * standard.at_once * standard.width**2):
        ridge = BlockRidge.of(standard, problem.targets.float())
        penalties = [share * ridge.scale for share in PENALTIES]
        right = torch.zeros(len(penalties), dtype=torch.int64)
        for part, found in ridge.left_out(penalties):
            right += torch.stack([(outputs.argmax(1) == labels[part]).sum() for outputs in found])
        chosen, factor, cv = _of_equals(ridge, problem, penalties, np.flatnonzero(right == right.max()).tolist())
        weight, bias = ridge.weights(penalties[chosen])
    cv = cv * factor
    scores = (right.double() / len(labels)).tolist()
    choice = {
        "penalty": penalties[chosen],
        "accuracy": scores[chosen],
        "path": [{"penalty": p, "accuracy": a} for p, a in zip(penalties, scores, strict=True)],
    }
    head = problem.place(weight * factor, bias * factor, standard.mean, standard.std, cv)
    return FittedHead("ridge", head, problem.spread(cv), choice)


def _of_equals(
    ridge: BlockRidge, problem: BlockProblem, penalties: Sequence[float], equal: Sequence[int]
) -> tuple[int, float, Tensor]:
    """(index, factor, left-out outputs) of least log-loss among equals; the outputs of two are held at a time."""
    found: list[tuple[float, int, float]] = []
    kept = torch.empty(0)
    for i in equal:
        outputs = ridge.outputs(penalties[int(i)])
        factor = sharpness(outputs, problem.labels)
        loss = log_loss(outputs * factor, problem.labels)
        if not found or loss < min(found)[0]:
            kept = outputs
        found.append((loss, int(i), factor))
    _, chosen, factor = min(found)
    return chosen, factor, kept
