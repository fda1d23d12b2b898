"""Samples divided over the processes of a run."""

from __future__ import annotations


def of_rank(n: int, at_once: int, rank: int, size: int) -> list[int]:
    """Positions of n that are the share of a process, dealt out `at_once` at a time.

    >>> of_rank(7, 2, 0, 2), of_rank(7, 2, 1, 2)
    ([0, 1, 4, 5], [2, 3, 6])
    """
    starts = range(rank * at_once, n, size * at_once)
    return [position for start in starts for position in range(start, min(n, start + at_once))]
