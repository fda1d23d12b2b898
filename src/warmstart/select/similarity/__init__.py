"""How far apart two data sets are, as a network sees them: one measure per file."""

from warmstart.select.similarity.compare import compare_features
from warmstart.select.similarity.depth import along_depth

__all__ = ["along_depth", "compare_features"]
