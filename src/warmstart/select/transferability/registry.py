"""The metrics by name, with what each needs and where it comes from. Of all of them, higher is better."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Literal

from warmstart.data.schema import IntArray
from warmstart.registry import Registry
from warmstart.select.transferability.gbc import overlap
from warmstart.select.transferability.h_score import between_variance
from warmstart.select.transferability.inputs import Floats
from warmstart.select.transferability.leep import expected_prediction
from warmstart.select.transferability.logme import maximum_evidence
from warmstart.select.transferability.nce import conditional_entropy
from warmstart.select.transferability.transrate import rate_reduction

View = Literal["features", "components", "posteriors", "source"]
"""What a metric scores: features, what is computed from them once without labels, or the source probabilities."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """A transferability metric; `score(view (n, k), labels (n,))`, with the labels 0 .. classes - 1, is its value."""

    title: str
    paper: str
    view: View
    score: Callable[[Floats, IntArray], float]
    bounds: tuple[float, float]
    subsample: int = 1024
    """Samples of a subsample, at most, for its interval; few where the metric costs an eigendecomposition."""
    higher_is_better: Literal[True] = True

    @property
    def needs(self) -> Literal["features", "source probabilities"]:
        """What a backbone must give for it."""
        return "source probabilities" if self.view == "source" else "features"


_ANY, _AT_MOST_0, _NOT_NEGATIVE = (-math.inf, math.inf), (-math.inf, 0.0), (0.0, math.inf)

metrics: Registry[Metric] = Registry("transferability metric")
metrics.add("gbc", Metric("GBC", "Pandy et al. 2022", "components", overlap, _AT_MOST_0))
metrics.add(
    "h_score", Metric("H-score", "Bao et al. 2019, Ibrahim et al. 2022", "features", between_variance, _NOT_NEGATIVE)
)
metrics.add("leep", Metric("LEEP", "Nguyen et al. 2020", "source", expected_prediction, _AT_MOST_0))
metrics.add("logme", Metric("LogME", "You et al. 2021", "features", maximum_evidence, _ANY, subsample=512))
metrics.add("nce", Metric("NCE", "Tran et al. 2019", "source", conditional_entropy, _AT_MOST_0))
metrics.add("nleep", Metric("NLEEP", "Li et al. 2021", "posteriors", expected_prediction, _AT_MOST_0))
metrics.add("transrate", Metric("TransRate", "Huang et al. 2022", "features", rate_reduction, _NOT_NEGATIVE))
