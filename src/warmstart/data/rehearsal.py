"""Batches in which some samples are of data that a network knew before, so that it does not forget them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray

_ORDER = 3
"""What the random numbers are for."""


def rehearsed_order(old: npt.NDArray[np.bool_], batch_size: int, share: float, seed: int, epoch: int) -> list[IntArray]:
    """Positions in batches of which `share` is old, at least one sample of either kind in two: a pass over the new.

    Old samples come in turn, each once before one of them comes again, from epoch to epoch too. Where nothing is old or
    nothing new, batches are of what is there.

    Args:
        old: which samples are old (n,).
        batch_size: samples in a batch.
        share: of the old ones in it.
        seed: of the order.
        epoch: another one gives another order.

    >>> old = np.array([True, True, True, False, False, False, False, False])
    >>> [(len(b), int(old[b].sum())) for b in rehearsed_order(old, 4, 0.5, 0, 0)]
    [(4, 2), (4, 2), (3, 2)]
    """
    before, fresh = np.flatnonzero(old), np.flatnonzero(~old)
    if not len(before) or not len(fresh):
        before, fresh = fresh[:0], np.arange(len(old))
    among = min(max(round(share * batch_size), 1), batch_size - 1) if len(before) and batch_size > 1 else 0
    room = batch_size - among
    shuffled = np.random.default_rng([seed, epoch, _ORDER]).permutation(fresh)
    parts = [shuffled[start : start + room] for start in range(0, len(shuffled), room)]
    if len(parts) > 1 and len(parts[-1]) + among == 1:  # a sample alone has no variance
        parts[-2:] = [np.concatenate(parts[-2:])]
    turns = _in_turn(before, len(parts) * among, epoch * len(parts) * among, seed)
    return [np.concatenate([part, turns[i * among : (i + 1) * among]]) for i, part in enumerate(parts)]


def _in_turn(before: IntArray, count: int, start: int, seed: int) -> IntArray:
    """`count` of the old samples from the `start`-th on of an endless sequence that shuffles them again and again."""
    if not count:
        return before[:0]
    n = len(before)
    rounds = range(start // n, math.ceil((start + count) / n))
    every = np.concatenate([np.random.default_rng([seed, r, _ORDER, 1]).permutation(before) for r in rounds])
    offset = start - rounds[0] * n
    found: IntArray = every[offset : offset + count]
    return found
