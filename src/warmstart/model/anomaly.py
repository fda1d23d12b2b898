"""Heads that say how far a sample lies from normal ones, among features: fitted on normal samples, nothing to train.

A distance alone says little, so each is told in units of a typical one, with a p-value: the share of normal samples,
each measured as if it had not been learned from, that lie as far or farther (conformal anomaly detection: Laxhammar and
Falkman 2014; Bates et al. 2023, "Testing for outliers with conformal p-values", eq. 3). They are the training samples
themselves, each left out in turn, so that none has to be kept back for it (cross-conformal: Vovk 2015).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warmstart.model.modes import traced

FALSE_ALARMS = 0.01
"""Share of normal samples that may raise an alarm, where as many were learned from as it takes to say so: 99."""
COLUMNS = ("score", "p_value", "alarm")
"""What the heads give for a sample."""
_LEAST = 1e-30
"""Of a squared distance: the root has no slope at 0, where a sample is asked about that was learned from."""
_ROWS = 512
"""That are compared with the memory at a time."""


class AnomalyHead(nn.Module):
    """Features (n, features) to (n, 3): the distance in units of a typical one, its p-value, and 1 for an alarm.

    An alarm is a p-value of at most `false_alarms`, or of the least there can be, 1 / (samples + 1), if that is more.
    """

    kind: ClassVar[str]
    mean: Tensor
    std: Tensor
    unit: Tensor
    left_out: Tensor

    def __init__(self, features: int, samples: int, false_alarms: float = FALSE_ALARMS) -> None:
        super().__init__()
        self.false_alarms = false_alarms
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("left_out", torch.zeros(samples))

    def distance(self, x: Tensor) -> Tensor:
        """Distance (n,) of features (n, features), less `mean` and over `std`, from what is normal."""
        raise NotImplementedError

    @torch.no_grad()
    def calibrate(self, left_out: Tensor) -> None:
        """Keep the distances (samples,) of normal samples, each measured without itself; their median is the unit."""
        middle = left_out.median()
        self.unit.copy_(middle if middle > 0 else torch.ones(()))
        self.left_out.copy_((left_out / self.unit.to(left_out)).sort().values)

    def judged(self, score: Tensor) -> Tensor:
        """Scores (n,), in units of a typical one, with p-value and alarm (n, 3)."""
        samples = len(self.left_out)
        if traced():  # few runtimes know `searchsorted`
            as_far = (self.left_out >= score[:, None]).sum(1)
        else:
            as_far = samples - torch.searchsorted(self.left_out, score.contiguous())
        p = (as_far + 1) / (samples + 1)
        return torch.stack([score, p.to(score), (p <= self.rate + 1e-9).to(score)], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Score, p-value and alarm, (n, 3)."""
        x = (x.to(self.mean) - self.mean) / self.std
        if traced():  # a graph has no loop over any number of parts
            return self.judged(self.distance(x) / self.unit)
        return self.judged(torch.cat([self.distance(part) for part in torch.split(x, _ROWS)]) / self.unit)

    @property
    def rate(self) -> float:
        """The p-value up to which there is an alarm: `false_alarms`, or the least that so few samples can say."""
        return max(self.false_alarms, 1 / (len(self.left_out) + 1))

    @property
    def config(self) -> dict[str, Any]:
        """What `build_head` needs."""
        sizes = {"features": len(self.mean), "samples": len(self.left_out)}
        return {"kind": self.kind, **sizes, "false_alarms": self.false_alarms}


class NeighboursHead(AnomalyHead):
    """Mean distance to the `k` nearest of the normal samples, among features.

    Deep nearest neighbours (Bergman, Cohen and Hoshen 2020; Sun et al. 2022), as PatchCore (Roth et al. 2022) without
    its patches.

    >>> head = NeighboursHead(1, samples=3, k=1)
    >>> head.set_bank(torch.tensor([[0.0], [1.0], [3.0]]))
    >>> head.calibrate(torch.tensor([1.0, 1.0, 2.0]))
    >>> head(torch.tensor([[1.5], [9.0]]))[:, :2].tolist()
    [[0.5, 1.0], [6.0, 0.25]]
    """

    kind = "neighbours"
    bank: Tensor

    def __init__(self, features: int, samples: int, k: int = 2, false_alarms: float = FALSE_ALARMS) -> None:
        super().__init__(features, samples, false_alarms)
        self.k = k
        self.register_buffer("bank", torch.zeros(samples, features))

    @torch.no_grad()
    def set_bank(self, rows: Tensor) -> None:
        """Keep the features (samples, features) of normal samples, less `mean` and over `std`."""
        self.bank.copy_(rows)

    def distance(self, x: Tensor) -> Tensor:
        """Mean distance (n,) to the k nearest."""
        return nearest(x, self.bank, min(self.k, len(self.bank)))

    @property
    def config(self) -> dict[str, Any]:
        """What `build_head` needs."""
        return {**super().config, "k": self.k}


class MahalanobisHead(AnomalyHead):
    """Mahalanobis distance from the mean of the normal samples, under a shrunk covariance (Lee et al. 2018).

    The inverse covariance is `rest` times the identity but for `rank` directions, which `weights` are added for; so it
    takes no more room than the samples it is from.

    >>> head = MahalanobisHead(2, samples=1, rank=1)
    >>> head.set_precision(torch.tensor([[1.0, 0.0]]), torch.tensor([-0.75]), 1.0)
    >>> head(torch.tensor([[4.0, 0.0], [0.0, 3.0]]))[:, 0].tolist()
    [2.0, 3.0]
    """

    kind = "mahalanobis"
    basis: Tensor
    weights: Tensor
    rest: Tensor

    def __init__(self, features: int, samples: int, rank: int, false_alarms: float = FALSE_ALARMS) -> None:
        super().__init__(features, samples, false_alarms)
        self.register_buffer("basis", torch.zeros(rank, features))
        self.register_buffer("weights", torch.zeros(rank))
        self.register_buffer("rest", torch.ones(()))

    @torch.no_grad()
    def set_precision(self, basis: Tensor, weights: Tensor, rest: float) -> None:
        """The inverse covariance is `rest * I + basis.T @ diag(weights) @ basis`; rows (rank, features) orthonormal."""
        self.basis.copy_(basis)
        self.weights.copy_(weights)
        self.rest.fill_(rest)

    def distance(self, x: Tensor) -> Tensor:
        """Distance (n,) from zero, which is the mean."""
        along = (x @ self.basis.T).square() @ self.weights
        return (self.rest * x.square().sum(1) + along).clamp_min(0).sqrt()

    @property
    def config(self) -> dict[str, Any]:
        """What `build_head` needs."""
        return {**super().config, "rank": len(self.weights)}


def nearest(x: Tensor, bank: Tensor, k: int) -> Tensor:
    """Mean Euclidean distance (n,) of rows (n, d) to their k nearest in a bank (m, d).

    >>> nearest(torch.zeros(1, 1), torch.tensor([[1.0], [3.0], [9.0]]), 2).tolist()
    [2.0]
    """
    order = bank.square().sum(1) - 2 * x @ bank.T  # squares of distances but for what each row has in all of them
    found = bank[order.topk(k, dim=1, largest=False).indices]
    squares = (x[:, None] - found).square().sum(2)  # which loses no digits where two rows are alike
    return squares.clamp_min(_LEAST).sqrt().mean(1)
