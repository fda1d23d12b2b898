"""Mean and deviation of the channels of many series, read a few at a time."""

from __future__ import annotations

import dataclasses

import numpy as np
from torch import Tensor

from warmstart.model.from_data import Rows

_AT_ONCE = 256


@dataclasses.dataclass(frozen=True)
class Moments:
    """Of each channel over all steps of all series, (channels, 1), float64."""

    steps: int  # of a series
    count: int  # of values of a channel
    mean: Tensor
    squares: Tensor  # sum of squared distances from the mean

    @classmethod
    def of(cls, rows: Rows, count: int) -> Moments:
        """Of `count` series; parts are added up by the rule of Chan, Golub & LeVeque (1979), which loses no digits.

        >>> import torch
        >>> found = Moments.of(lambda at: torch.tensor([[[1e6], [0.0]], [[1e6 + 2], [0.0]]])[at], 2)
        >>> found.mean.tolist(), found.std.tolist()
        ([[1000001.0], [0.0]], [[1.0], [0.0]])
        """
        whole: Moments | None = None
        for start in range(0, count, _AT_ONCE):
            part = rows(np.arange(start, min(start + _AT_ONCE, count))).double()
            mean = part.mean((0, 2))[:, None]
            one = cls(part.shape[2], len(part) * part.shape[2], mean, (part - mean).square().sum((0, 2))[:, None])
            whole = one if whole is None else whole + one
        assert whole is not None, "there is at least one series"
        return whole

    def __add__(self, other: Moments) -> Moments:
        count, apart = self.count + other.count, other.mean - self.mean
        return Moments(
            self.steps,
            count,
            self.mean + apart * other.count / count,
            self.squares + other.squares + apart.square() * self.count * other.count / count,
        )

    @property
    def std(self) -> Tensor:
        """The standard deviation."""
        return (self.squares / self.count).sqrt()
