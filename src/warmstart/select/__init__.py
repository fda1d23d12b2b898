"""Which backbone, for these data."""

from warmstart.select.halving import Halving, Round, Score, halve
from warmstart.select.view import View

__all__ = ["Halving", "Round", "Score", "View", "halve"]
