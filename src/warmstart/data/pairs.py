"""Batches for losses that compare samples: whatever class a batch holds, it holds at least two samples of."""

from __future__ import annotations

import numpy as np

from warmstart.data.schema import IntArray

_ORDER = 2
"""As in `warmstart.data.batches`: a generator of its own."""


def paired_order(labels: IntArray, batches: int, seed: int, epoch: int) -> list[IntArray]:
    """Positions 0..n-1, each once, in so many batches of nearly one size; a function of (seed, epoch).

    The samples of a class are paired at random, the last three of an odd number together, and the pairs shuffled. A
    sample that is the only one of its class, or whose class is not known (-1), stays alone. With batches of four or
    more, on average, none is empty.

    >>> labels = np.array([0, 0, 0, 1, 1, 0])
    >>> [sorted(labels[batch].tolist()) for batch in paired_order(labels, 3, seed=0, epoch=0)]
    [[1, 1], [0, 0], [0, 0]]
    """
    rng = np.random.default_rng([seed, epoch, _ORDER])
    units: list[IntArray] = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        together = max(len(members) // 2, 1) if label >= 0 else len(members)
        units += np.array_split(members, together)
    units = [units[i] for i in rng.permutation(len(units))]
    begun = np.cumsum([0, *map(len, units)])[:-1]
    batch = begun * batches // len(labels)
    return [np.concatenate([unit for unit, at in zip(units, batch, strict=True) if at == k]) for k in range(batches)]
