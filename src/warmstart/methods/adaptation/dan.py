"""Deep adaptation by the maximum mean discrepancy of features (DAN, Long et al. 2015)."""

from __future__ import annotations

from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.losses import mean_discrepancy
from warmstart.methods.adaptation.two_streams import two_streams


def stepper(making: Making) -> Stepper:
    """One that gives features of source and target one distribution."""
    return two_streams(making, lambda pair: pair.weight * mean_discrepancy(pair.source, pair.target))
