"""Whether the metrics rank the backbones as their probes do: the only test of a metric that these data can give."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import spearmanr, weightedtau

FEWEST = 3
"""Candidates below which a rank correlation is a coin."""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Rank correlations, from -1 to 1, of a metric with the probes' accuracies; `None` where `reason` says why."""

    weighted_tau: float | None  # mistakes among the best count most
    spearman: float | None
    candidates: int  # that have both
    reason: str = ""


def rank_agreement(scores: Mapping[str, Sequence[float | None]], probe: Sequence[float]) -> dict[str, Agreement]:
    """Weighted Kendall tau and Spearman's rho of each metric against probe accuracies, over candidate backbones.

    Weighted tau is scipy's `weightedtau`, hyperbolic weights in the rank (Vigna 2015, "A Weighted Correlation Index for
    Rankings with Ties"), which LogME and its successors report.

    Args:
        scores: by metric, one number per candidate; `None` where a candidate has none.
        probe: accuracy of each candidate's probe, in the same order.

    >>> rank_agreement({"logme": [0.1, 0.2, 0.3, 0.4]}, [0.5, 0.6, 0.7, 0.8])["logme"].spearman
    1.0
    >>> rank_agreement({"logme": [0.1, 0.2]}, [0.5, 0.6])["logme"].reason
    '2 candidates have both a score and a probe; a rank correlation needs 3'
    """
    return {name: _agreement(name, values, probe) for name, values in scores.items()}


def _agreement(name: str, values: Sequence[float | None], probe: Sequence[float]) -> Agreement:
    if len(values) != len(probe):
        raise ValueError(f"{len(values)} scores of {name} for {len(probe)} probes")
    pairs = [(v, p) for v, p in zip(values, probe, strict=True) if v is not None and math.isfinite(v)]
    if len(pairs) < FEWEST:
        have = "candidate has" if len(pairs) == 1 else "candidates have"
        why = f"{len(pairs)} {have} both a score and a probe; a rank correlation needs {FEWEST}"
        return Agreement(None, None, len(pairs), why)
    x, y = np.array(pairs).T
    for array, what in ((x, "score"), (y, "probe accuracy")):
        if np.ptp(array) == 0:
            return Agreement(None, None, len(pairs), f"all candidates have the same {what}: there is no order")
    return Agreement(float(weightedtau(x, y).statistic), float(spearmanr(x, y).statistic), len(pairs))
