"""Multinomial logistic regressions solved side by side: one data matrix, many sets of samples and penalties.

All problems share the rows Z, so one step of all of them is two matrix products, Z @ directions and Z' @ residuals.
Along a direction the logits are linear in the step, so a line search needs no product at all. Each problem has its own
step length and its own curvature memory (`lbfgs`).
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import torch
from torch import Tensor

from warmstart.engine.heads.lbfgs import Pair, dot, inverse_hessian, remember
from warmstart.engine.heads.threads import product

_SUFFICIENT = 1e-4  # share of the promised decrease that a step has to bring (Armijo)
_HALVINGS = 20
_LEAST_CURVATURE = 1e-3
NEVER = -1e30
"""The logit of a class that a problem has no sample of; finite, so that zero weight times it is zero."""


class Matrix(Protocol):
    """Rows (n, r) of which nothing is asked but products. The last column is one."""

    @property
    def columns(self) -> int:
        """r, with the last one."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Of what the products give."""
        ...

    def times(self, right: Tensor) -> Tensor:
        """Rows times `right` (r, m): (n, m)."""
        ...

    def transposed(self, right: Tensor, *, squared: bool = False) -> Tensor:
        """The transpose of the rows, or of their squares, times `right` (n, m): (r, m)."""
        ...


@dataclasses.dataclass(frozen=True)
class Dense:
    """A `Matrix` that is held."""

    rows: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Dense:
        """With the column of ones behind `features` (n, d)."""
        return cls(torch.cat([features, features.new_ones(len(features), 1)], dim=1))

    @property
    def columns(self) -> int:
        """As `Matrix` has it."""
        return self.rows.shape[1]

    @property
    def dtype(self) -> torch.dtype:
        """As `Matrix` has it."""
        return self.rows.dtype

    def times(self, right: Tensor) -> Tensor:
        """As `Matrix` has it."""
        return product(self.rows, right)

    def transposed(self, right: Tensor, *, squared: bool = False) -> Tensor:
        """As `Matrix` has it."""
        return product((self.rows.square() if squared else self.rows).T, right)


@dataclasses.dataclass(frozen=True)
class Softmax:
    """Minimise, for each problem b, mean over its rows of the cross-entropy + penalty_b / 2 * |weights|^2.

    The last column of the rows carries the intercept, which is not penalised.
    """

    rows: Matrix
    labels: Tensor  # (n,), int64
    shares: Tensor  # (n, b): 1 / size for the rows that problem b is fitted on, otherwise 0
    offsets: Tensor  # (b, k): 0, or NEVER for a class that problem b has no row of

    @classmethod
    def of(cls, rows: Matrix, labels: Tensor, used: Tensor, classes: int) -> Softmax:
        """Problems on rows; `used` (n, b) tells which of them each is fitted on."""
        members = torch.zeros(classes, used.shape[1]).index_add_(0, labels, used.float())
        offsets = torch.where(members.T > 0, 0.0, NEVER).to(rows.dtype)
        return cls(rows, labels, used.to(rows.dtype) / used.sum(0), offsets)

    def logits(self, weights: Tensor) -> Tensor:
        """Logits (n, b, k) of all rows, the left-out ones too, for weights (b, r, k)."""
        return self._product(weights) + self.offsets

    def start(self) -> Tensor:
        """Weights (b, r, k) of zero."""
        problems, classes = self.offsets.shape
        return torch.zeros(problems, self.rows.columns, classes, dtype=self.rows.dtype)

    def minimise(self, weights: Tensor, penalties: Tensor, *, tolerance: float, most: int = 200) -> Tensor:
        """Weights (b, r, k) at the minimum, from the given ones; `penalties` (b,).

        A problem is done when a Newton step would lower its loss by less than about `tolerance`.
        """
        penalty = penalties.to(weights.dtype)[:, None, None].repeat(1, weights.shape[1], 1)
        penalty[:, -1] = 0.0
        memory: list[Pair] = []
        active = torch.ones(len(weights), dtype=torch.bool)
        logits = self.logits(weights)
        scale = 1 / (self._curvature(logits) + penalty).flatten(1)
        loss, gradient = self._loss(logits, weights, penalty), self._gradient(logits, weights, penalty)
        for _ in range(most):
            direction = -inverse_hessian(gradient.flatten(1), scale, memory)
            slope = dot(direction, gradient.flatten(1))
            active &= slope < -tolerance
            if not bool(active.any()):
                break
            direction = direction * active[:, None]
            length, logits, loss = self._search(logits, loss, weights, direction.view_as(weights), slope, penalty)
            step = direction * length[:, None]
            weights = weights + step.view_as(weights)
            before, gradient = gradient, self._gradient(logits, weights, penalty)
            remember(memory, step, (gradient - before).flatten(1))
        return weights

    def _product(self, weights: Tensor) -> Tensor:
        problems, columns, classes = weights.shape
        together = weights.transpose(0, 1).reshape(columns, problems * classes)
        return self.rows.times(together).view(-1, problems, classes)

    def _curvature(self, logits: Tensor) -> Tensor:
        """Diagonal of the Hessian of the cross-entropy (b, r, k): where columns are principal axes, most of it.

        A sample that is answered for certain counts as if it were not quite: the curvature is to hold beyond here.
        """
        shares = (logits - logits.logsumexp(2, keepdim=True)).exp_()
        shares = (shares * (1 - shares)).clamp_min_(_LEAST_CURVATURE) * self.shares[:, :, None]
        together = self.rows.transposed(shares.flatten(1), squared=True)
        return together.view(-1, *self.offsets.shape).transpose(0, 1)

    def _loss(self, logits: Tensor, weights: Tensor, penalty: Tensor) -> Tensor:
        index = self.labels[:, None, None].expand(-1, logits.shape[1], 1)
        surprise = logits.logsumexp(2) - logits.gather(2, index)[:, :, 0]
        return (surprise * self.shares).sum(0) + 0.5 * (weights.square() * penalty).sum((1, 2))

    def _gradient(self, logits: Tensor, weights: Tensor, penalty: Tensor) -> Tensor:
        residual = (logits - logits.logsumexp(2, keepdim=True)).exp_()  # faster than softmax over so few classes
        residual[torch.arange(len(residual)), :, self.labels] -= 1
        residual *= self.shares[:, :, None]
        together = self.rows.transposed(residual.flatten(1))
        return together.view(-1, *self.offsets.shape).transpose(0, 1) + weights * penalty

    def _search(
        self, logits: Tensor, loss: Tensor, weights: Tensor, direction: Tensor, slope: Tensor, penalty: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(length (b,), logits, loss) of steps that lower each loss enough; halved from 1, zero where none does."""
        along = self._product(direction)
        noise = 16 * torch.finfo(loss.dtype).eps * loss.abs()
        length = torch.ones_like(loss)
        for halving in range(_HALVINGS + 1):
            tried = logits + along * length[:, None]
            after = self._loss(tried, weights + direction * length[:, None, None], penalty)
            enough = (after <= loss + _SUFFICIENT * length * slope + noise) | (length == 0)
            if bool(enough.all()):
                break
            length = torch.where(enough, length, 0.5 * length if halving < _HALVINGS - 1 else 0.0)
        return length, tried, after
