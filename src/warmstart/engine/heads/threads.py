"""How many threads a piece of linear algebra is worth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from threadpoolctl import threadpool_limits

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
