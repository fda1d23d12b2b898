"""Heads in closed form, or by convex optimisation, on cached features. One file per head; the contract is in `base`."""

from warmstart.engine.heads.base import FittedHead, closed_form
from warmstart.engine.heads.select import best_closed_form

__all__ = ["FittedHead", "best_closed_form", "closed_form"]
