"""Answering only where the answer is sure: what that costs in answers and gains in right ones.

The rule is that of selective classification (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017, eq. 1 to 3): there
is an answer where the probability of the most probable class reaches a threshold. Coverage is the share of samples
that are answered, the accuracy of these is one minus the selective risk.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from torch import Tensor

from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.metrics import BoolArray, Labels, known_labels


@dataclasses.dataclass(frozen=True)
class Selective:
    """What is to be expected at a threshold."""

    coverage: float
    """Share of samples that are answered."""
    accuracy: Interval | None
    """Of those; `None` where none is."""
    samples: int
    """That it was measured on."""


@dataclasses.dataclass(frozen=True)
class Sureness:
    """Calibrated probability of the most probable class (n,), and whether that class was right (n,)."""

    probabilities: npt.NDArray[np.float64]
    right: BoolArray

    @classmethod
    def of(cls, logits: Tensor, labels: Labels) -> Sureness:
        """Of calibrated logits (n, classes) and class indices (n,); unknown labels (-1) are left out.

        >>> import torch
        >>> Sureness.of(torch.tensor([[0.0, 0.0], [0.0, 9.0]]), torch.tensor([-1, 1])).right.tolist()
        [True]
        """
        known, targets = known_labels(logits, labels)
        shares = known.double().softmax(1).numpy()
        return cls(shares.max(1), shares.argmax(1) == np.asarray(targets))

    def at(self, least: float, *, seed: int = 0) -> Selective:
        """What is to be expected where answers below a probability of `least` are left out.

        >>> found = Sureness(np.array([0.6, 0.7, 0.8, 0.9]), np.array([False, True, True, True])).at(0.65)
        >>> found.coverage, found.accuracy.value
        (0.75, 1.0)
        """
        kept = self.probabilities >= least
        accuracy = bootstrap(self.right[kept], seed=seed) if kept.any() else None
        return Selective(float(kept.mean()) if len(kept) else 0.0, accuracy, len(kept))
