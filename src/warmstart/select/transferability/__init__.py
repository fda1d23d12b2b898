"""What may be said of a transfer without training: metrics from one pass over features and labels, never an oracle."""

from warmstart.select.transferability.agreement import Agreement, rank_agreement
from warmstart.select.transferability.estimate import transferability, unavailable
from warmstart.select.transferability.registry import Metric, metrics

__all__ = ["Agreement", "Metric", "metrics", "rank_agreement", "transferability", "unavailable"]
