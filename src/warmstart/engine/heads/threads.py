"""How many threads a piece of linear algebra is worth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

_WORTH_THREADS = 2e9
"""Floating point operations in one call below which waiting for other threads costs more than they do."""


@contextlib.contextmanager
def threads_for(flops: float) -> Iterator[None]:
    """One thread for calls of fewer than two billion operations, all of them for larger ones; restored afterwards."""
    if flops >= _WORTH_THREADS:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def eigen(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (r,), ascending and not negative, and vectors (r, r) of a positive semi-definite matrix.

    On one thread: the algorithm has little to share out, and where other processes run, threads that wait for each
    other have been seen to take twenty times as long.
    """
    with threads_for(0):
        values, vectors = torch.linalg.eigh(matrix)
    return values.clamp_min(0.0), vectors
