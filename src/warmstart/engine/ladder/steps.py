"""A linear model on the values of a time series: what can be had without any transfer where aeon is not installed."""

from __future__ import annotations

import dataclasses

from torch import Tensor
from torch.nn import functional

from warmstart.data.schema import IntArray
from warmstart.data.stores import series_of
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import PixelRung

STEPS = 64


@dataclasses.dataclass
class StepsRung(PixelRung):
    """A linear head on the values themselves, averaged to 64 steps."""

    name: str = "steps"
    about: str = f"no transfer: a linear model on raw values at {STEPS} steps"

    def _features(self, context: LadderContext, indices: IntArray) -> Tensor:
        return functional.adaptive_avg_pool1d(series_of(context.data.store).rows(indices), STEPS).flatten(1)
