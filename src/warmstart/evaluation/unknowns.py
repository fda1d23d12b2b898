"""What looks like nothing that a network was trained on: far from all training samples, among its features.

The distance is that to the k-th nearest of some training samples, between features of length one (Sun et al. 2022,
"Out-of-distribution detection with deep nearest neighbors", section 3). Against the energy of the logits (Liu et al.
2020, eq. 4): area under the ROC curve, where a half is chance, for logistic heads of 1000 labels and of 100 on frozen
EfficientNet-Lite0 with three taps, one draw each (`benchmarks/unknowns.py`):

    known           unknown              distance       energy
    Fashion-MNIST   MNIST                .996  .993     .603  .408
    Fashion-MNIST   CIFAR-10            1.000 1.000     .632  .269
    Fashion-MNIST   three other classes  .899  .878     .661  .522
    CIFAR-10        Fashion-MNIST        .991  .987     .937  .876
    CIFAR-10        MNIST               1.000  .999     .899  .950
    CIFAR-10        three other classes  .638  .597     .703  .546

Energy is at times worse than chance on another kind of picture, and the logits of ridge and voting heads have none to
speak of; so the distance is what is shipped. Another class of the same kind of picture is found less well, or hardly.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn import functional

from warmstart.evaluation.conformal import rank

NEIGHBOUR = 5
"""The k of the k-th nearest. One to ten differed by two points at most; fifty is too many where there are few."""
FALSE_ALARMS = 0.05
"""Share of known samples beyond the threshold."""

Distances = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Bank:
    """Features of training samples (m, d), rows of length one in half precision, and the distance that is too far."""

    rows: Tensor
    threshold: float = math.inf

    @classmethod
    def of(cls, features: Tensor) -> Bank:
        """Of the features (m, d) of training samples, m > 0."""
        return cls(functional.normalize(features.float(), dim=1).half())

    def distances(self, features: Tensor) -> Distances:
        """Euclidean distance (n,) of features (n, d), at length one, to the k-th nearest row: 0 to 2.

        >>> import torch
        >>> Bank.of(torch.tensor([[1.0, 0.0], [0.0, 2.0]])).distances(torch.tensor([[3.0, 0.0]])).round(3).tolist()
        [1.414]
        """
        similarity = functional.normalize(features.float(), dim=1) @ self.rows.float().T
        nearest = similarity.topk(min(NEIGHBOUR, len(self.rows)), dim=1).values[:, -1]
        far: Distances = (2 - 2 * nearest.double()).clamp_min(0).sqrt().numpy()
        return far

    def limited(self, known: Distances) -> Bank:
        """With the threshold that a new sample passes in at most `FALSE_ALARMS` of all cases, if it is like the `known`
        ones, whose distances (n,) these are; with fewer than 19 of them, in one of n + 1 cases.
        """
        last = min(rank(len(known), 1 - FALSE_ALARMS), len(known))
        return dataclasses.replace(self, threshold=float(np.sort(known)[last - 1]))
