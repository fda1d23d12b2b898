"""Correlation alignment of features (Deep CORAL, Sun & Saenko 2016)."""

from __future__ import annotations

from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.losses import covariance_distance
from warmstart.methods.adaptation.two_streams import two_streams


def stepper(making: Making) -> Stepper:
    """One that gives features of source and target one covariance."""
    return two_streams(making, lambda pair: pair.weight * covariance_distance(pair.source, pair.target))
