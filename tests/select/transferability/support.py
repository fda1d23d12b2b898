"""Small data for the metrics: classes that overlap a little, in few or many dimensions."""

from __future__ import annotations

import numpy as np

from warmstart.data.schema import IntArray
from warmstart.select.transferability.inputs import Floats


def clouds(n: int, d: int, *, classes: int = 3, apart: float = 2.0, seed: int = 0) -> tuple[Floats, IntArray]:
    """Features (n, d) of Gaussian classes whose means are `apart` standard deviations long, and labels (n,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    means = rng.normal(size=(classes, d))
    means *= apart / np.linalg.norm(means, axis=1, keepdims=True)
    return rng.normal(size=(n, d)) + means[labels] + 1.0, labels.astype(np.int64)


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
