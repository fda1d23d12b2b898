"""Minimum class confusion (Jin et al. 2020)."""

from __future__ import annotations

from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.registry import Making
from warmstart.methods.adaptation.losses import class_confusion
from warmstart.methods.adaptation.two_streams import two_streams
from warmstart.recipe.aligning import Mcc


def stepper(making: Making) -> Stepper:
    """One that makes predictions for the target waver less between classes."""
    step = making.phase
    assert isinstance(step, Mcc)
    return two_streams(making, lambda pair: pair.weight * class_confusion(pair.target_outputs, step.temperature))
