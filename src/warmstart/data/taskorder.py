"""Batches of samples that lack labels of some tasks: each batch has its share of the labels of every task."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from warmstart.data.batches import batch_order
from warmstart.data.schema import IntArray

_ORDER = 3
"""As in `warmstart.data.batches`: a generator of its own."""


def task_order(known: npt.NDArray[np.bool_], batch_size: int, seed: int, epoch: int) -> list[IntArray]:
    """Positions 0..n-1 in as many batches as `batch_order` has, a function of (seed, epoch); `known` is (n, tasks).

    Samples that have labels of the same tasks are spread evenly over the epoch, so that a batch has its share of each
    kind, to within one or two. A batch that still has no label of some task gets one sample more, in turn of those that
    have: these are then seen more than once in an epoch, and nothing is left out for them.

    >>> known = np.array([[True, i % 8 == 0] for i in range(32)])  # the second task has 4 labels
    >>> [int(known[batch, 1].sum()) for batch in task_order(known, 4, seed=0, epoch=0)]
    [1, 1, 1, 1, 1, 1, 1, 1]
    """
    rng = np.random.default_rng([seed, epoch, _ORDER])
    place = np.empty(len(known))
    ways = np.unique(known, axis=0, return_inverse=True)[1].reshape(-1)
    for way in np.unique(ways):
        members = rng.permutation(np.flatnonzero(ways == way))
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
    order = np.argsort(place, kind="stable")
    ends = np.cumsum([len(batch) for batch in batch_order(len(known), batch_size, True, seed, epoch)])
    batches = [rng.permutation(batch) for batch in np.split(order, ends[:-1])]
    for task in range(known.shape[1]):
        holders, used = rng.permutation(np.flatnonzero(known[:, task])), 0
        for i, batch in enumerate(batches):
            if len(holders) and not known[batch, task].any():
                batches[i] = np.append(batch, holders[used % len(holders)])
                used += 1
    return [batches[i] for i in rng.permutation(len(batches))]
