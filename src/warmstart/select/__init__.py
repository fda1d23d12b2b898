"""Which backbone, for these data."""

from warmstart.select.halving import Candidate, Halving, Round, Score, halve

__all__ = ["Candidate", "Halving", "Round", "Score", "halve"]
