"""Features that are read a block at a time, and standardised as `warmstart.engine.heads.base.standardised` does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor

from warmstart.data.batches import Rows
from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import Labelled, divisors, not_finite, numbered
from warmstart.engine.heads.threads import product
from warmstart.errors import TrainingError

BLOCK_BYTES = 16 * 2**20
"""Of a block in float64; what is computed of it takes a few times as much."""


@dataclasses.dataclass(frozen=True)
class Standard:
    """Rows at `used`, standardised. Nothing of them is held."""

    rows: Rows
    used: Tensor  # (n,), positions in `rows`
    mean: Tensor  # (d,), float64
    std: Tensor  # (d,)
    constant: Tensor  # (d,), columns that become zero
    at_once: int  # rows of a block

    @classmethod
    def of(cls, rows: Rows, used: Tensor | None = None, *, least: float = 0.0, at_once: int | None = None) -> Standard:
        """Two passes: sums, then squares about the mean. `least` as `standardised` has it.

        Raises:
            TrainingError: a feature is not finite.
        """
        used = torch.arange(len(rows)) if used is None else used
        width = rows[used[:1]].shape[1]
        size = at_once or max(16, BLOCK_BYTES // (8 * width))
        total, largest, bad = torch.zeros(width, dtype=torch.float64), torch.zeros(width, dtype=torch.float64), 0
        for part in torch.split(used, size):
            block = rows[part].double()
            bad += int((~torch.isfinite(block).all(dim=1)).sum())
            total += block.sum(0)
            largest = torch.maximum(largest, block.abs().amax(0))
        if bad:
            raise not_finite(bad, len(used))
        mean, squares = total / len(used), torch.zeros(width, dtype=torch.float64)
        for part in torch.split(used, size):
            squares += (rows[part].double() - mean).square_().sum(0)
        std, constant = divisors((squares / len(used)).sqrt(), largest, least)
        return cls(rows, used, mean, std, constant, size)

    def __len__(self) -> int:
        return len(self.used)

    @property
    def width(self) -> int:
        """D."""
        return len(self.mean)

    def __getitem__(self, positions: Tensor) -> Tensor:
        """Standardised rows (len(positions), d), float64, a copy."""
        block = self.rows[self.used[positions]].double()
        return block.sub_(self.mean).div_(self.std).masked_fill_(self.constant, 0.0)

    def blocks(self, positions: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """(positions, standardised rows) of all, or of those at `positions`, in order."""
        for part in torch.split(torch.arange(len(self)) if positions is None else positions, self.at_once):
            yield part, self[part]

    def times(self, weight: Tensor, bias: Tensor) -> Tensor:
        """Outputs (n, k), float32, of a linear map: weight (k, d) and bias (k,)."""
        out = torch.empty(len(self), len(weight))
        for part, block in self.blocks():
            out[part] = (product(block, weight.T) + bias).float()
        return out

    def gram(self) -> Tensor:
        """Inner products (d, d) of the columns."""
        found = torch.zeros(self.width, self.width, dtype=torch.float64)
        for _, block in self.blocks():
            found += product(block.T, block)
        return found


@dataclasses.dataclass(frozen=True)
class BlockProblem(Labelled):
    """What `Problem` is, of features that are not held."""

    standard: Standard

    @classmethod
    def of(cls, rows: Rows, labels: IntArray | Tensor, classes: int, *, at_once: int | None = None) -> BlockProblem:
        """Check; `rows` (n, d) are read twice. Otherwise as `Problem.of`, with the same errors."""
        if len(rows) != len(labels):
            raise TrainingError(
                f"features of {len(rows)} samples and {len(labels)} labels", "features (n, d), n labels"
            )
        inside, present = numbered(labels, classes)
        return cls(inside, present, classes, Standard.of(rows, at_once=at_once))
