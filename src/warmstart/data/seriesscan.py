"""A look at one time series: how long it is, and what it is a copy of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from warmstart.data.scan import Look
from warmstart.data.schema import Dataset, Series


def read_looks(dataset: Dataset, progress: Callable[[int], None] | None = None) -> list[Look]:
    """A look at each sample of series, for `warmstart.data.audit.audit_of`; what is no series has an error.

    Args:
        dataset: samples of series.
        progress: called with 1 after each.
    """
    looks: list[Look] = []
    for sample in dataset.samples:
        looks.append(look_at_series(sample.source))
        if progress is not None:
            progress(1)
    return looks


def look_at_series(source: object) -> Look:
    """What there is to say of a series: (steps, channels) and the hash of its values.

    >>> look_at_series(Series(np.zeros((2, 5)))).size
    (5, 2)
    """
    if not isinstance(source, Series):
        return Look(error=f"no time series but a {type(source).__name__}")
    values = np.ascontiguousarray(source.values, dtype=np.float64)
    digest = hashlib.blake2b(values.data, digest_size=16).hexdigest()
    return Look(size=(source.steps, source.channels), mode="series", pixels=digest)
