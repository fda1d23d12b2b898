"""How many threads a piece of linear algebra is worth."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
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
        with _libraries().limit(limits=1):
            yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries that are loaded; to look for them takes longer than a small product."""
    return ThreadpoolController()


def product(left: Tensor, right: Tensor) -> Tensor:
    """The product of two matrices, by numpy's BLAS: half the time of torch's MKL on an AMD processor.

    A matrix times its own transpose takes half of that again, for numpy knows that it is symmetric (syrk).
    """
    return torch.from_numpy(left.numpy() @ right.numpy())


def gram(rows: Tensor) -> Tensor:
    """Inner products (n, n) of the rows (n, d)."""
    n, d = rows.shape
    with threads_for(float(n) * n * d):
        return product(rows, rows.T)


def eigen(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (r,), ascending and not negative, and vectors (r, r) of a positive semi-definite matrix.

    On one thread: the algorithm has little to share out, and where other processes run, threads that wait for each
    other have been seen to take twenty times as long.

    Where most columns never vary, and most eigenvalues so are zero, MKL may not converge (9600 small images, for 88 of
    1280 features of which any was not zero: neither in float32 nor in float64); numpy's LAPACK then does.
    """
    with threads_for(0):
        try:
            values, vectors = torch.linalg.eigh(matrix)
        except RuntimeError:  # torch's LinAlgError is one
            found = np.linalg.eigh(matrix.double().numpy())
            values, vectors = (torch.from_numpy(part).to(matrix.dtype) for part in found)
    return values.clamp_min(0.0), vectors
