"""Which augmented version of every sample is meant. All that is random of a picture and its target is drawn by it."""

from __future__ import annotations

import dataclasses

import numpy as np

_AUGMENT = 1
"""What a generator is for: the order of samples (0) and the augmentation draw from streams of their own."""


@dataclasses.dataclass(frozen=True)
class View:
    """What `ImageBatches` with this augmentation and seed gives in epoch `number`."""

    augment: str
    seed: int
    number: int

    def generator(self, i: int) -> np.random.Generator:
        """All that is random of the sample at index `i` of its data set; begins anew each time."""
        return np.random.default_rng([self.seed, self.number, _AUGMENT, i])
