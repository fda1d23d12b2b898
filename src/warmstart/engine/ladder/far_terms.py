"""How far texts lie from normal ones by their TF-IDF: what can be had of anomalies in texts without any transfer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from warmstart.data.schema import IntArray, Text
from warmstart.engine.heads.anomaly import NEIGHBOURS
from warmstart.engine.heads.threads import threads_for
from warmstart.engine.ladder.terms import Terms
from warmstart.errors import TrainingError
from warmstart.model.anomaly import AnomalyHead

_TERMS, _AT_ONCE = 50_000, 256
"""Terms at most; texts that are compared at once."""


@dataclasses.dataclass(frozen=True)
class FarTerms:
    """Distance to the nearest few of some normal texts, between TF-IDF rows of length one."""

    terms: Terms
    rows: Any
    judge: AnomalyHead

    @classmethod
    def of(cls, texts: Sequence[Text], targets: IntArray) -> FarTerms:
        """Count the terms of those `texts` whose target (n,) is 0, and how far each lies from the others.

        Raises:
            TrainingError: fewer than two texts are normal.

        >>> texts = [Text((part,)) for part in ("rain and wind", "wind and rain", "much rain", "cats and dogs")]
        >>> far = FarTerms.of(texts, np.array([0, 0, 0, 1]))
        >>> far.outputs(texts)[:, 0].argmax().item()
        3
        """
        normal = [text for text, target in zip(texts, targets.tolist(), strict=True) if target == 0]
        if len(normal) < 2:
            raise TrainingError(f"{len(normal)} normal training texts", "two or more", do="give more of them")
        with threads_for(0):
            terms, rows = Terms.of(normal, "words", _TERMS)
            judge = AnomalyHead(1, len(normal))
            judge.calibrate(torch.from_numpy(_distances(rows, rows, itself=True)))
        return cls(terms, rows, judge)

    def outputs(self, texts: Sequence[Text]) -> Tensor:
        """Score, p-value and alarm of each text, (n, 3)."""
        if not texts:
            return torch.empty(0, 3)
        with threads_for(0):
            far = torch.from_numpy(_distances(self.terms.rows(texts), self.rows))
        return self.judge.judged((far / self.judge.unit).float())


def _distances(rows: Any, bank: Any, *, itself: bool = False) -> npt.NDArray[np.float64]:
    """Mean distance (n,) of sparse rows to the nearest few of a bank, each without itself if they are the bank."""
    k = min(NEIGHBOURS, bank.shape[0] - itself)
    found = np.zeros(rows.shape[0])
    for start in range(0, len(found), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        alike = (rows[part] @ bank.T).toarray().astype(np.float64)
        if itself:
            alike[np.arange(len(alike)), np.arange(start, start + len(alike))] = -np.inf
        nearest = -np.partition(-alike, k - 1, axis=1)[:, :k]
        found[part] = np.sqrt(np.clip(2 - 2 * nearest, 0, None)).mean(1)
    return found
