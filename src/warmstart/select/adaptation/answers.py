"""What a criterion may see of one model: its answers and features, and the labels of the source alone."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from warmstart.errors import DataError

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """Of one model, on the target and on the source.

    `logits` (m, classes) and `target` (m, d): outputs and features of the samples of the target, without labels.
    `train` (n, d) and `held_out` (k, d): features of samples of the source that it learned from, and of others;
    `losses` (k,): cross-entropy of its answers for the latter.

    Raises:
        DataError: shapes do not fit, a part is empty, or a number is not finite.
    """

    logits: Floats
    target: Floats
    train: Floats
    held_out: Floats
    losses: Floats

    def __post_init__(self) -> None:
        shapes = {part.name: getattr(self, part.name).shape for part in dataclasses.fields(self)}
        wide = {shapes[name][1:] for name in ("target", "train", "held_out")}
        rows = shapes["logits"][:1] == shapes["target"][:1] and shapes["held_out"][:1] == shapes["losses"]
        if len(wide) > 1 or not rows or any(0 in shape for shape in shapes.values()):
            raise DataError(f"answers of shapes {shapes}", "rows of one number for each part, features of one width")
        if not all(np.isfinite(getattr(self, name)).all() for name in shapes):
            raise DataError(
                "answers that are not finite", "numbers", "look at the training curve: it may have diverged"
            )

    @functools.cached_property
    def log_probabilities(self) -> Floats:
        """Of the samples of the target (m, classes)."""
        found: Floats = log_softmax(self.logits, axis=1)
        return found
