"""Which of two is better on the same samples, as far as these can show it."""

from __future__ import annotations

import dataclasses

from warmstart.evaluation.interval import Interval


@dataclasses.dataclass(frozen=True)
class Difference:
    """Paired comparison of two rungs on the same test samples (bootstrap of the difference)."""

    better: str  # "lp_ft"
    than: str  # "probe"
    difference: Interval
    verdict: str  # "better", "worse", "no difference that this data can show"
