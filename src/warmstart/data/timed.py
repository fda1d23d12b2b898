"""Parts by time: what is learned from lies before what is chosen by, and that before what is measured on."""

from __future__ import annotations

import numpy as np

from warmstart.data.names import some
from warmstart.data.schema import Dataset, IntArray
from warmstart.data.stratify import by_time
from warmstart.errors import DataError


def timed(dataset: Dataset, pool: IntArray, units: IntArray, shares: tuple[float, float]) -> IntArray:
    """Part (0 train, 1 validation, 2 test) of each sample in `pool`, cut by time; `units` (n,) are never divided.

    The only sample of a class goes to train, whenever it was taken: it is not evaluated.

    Raises:
        DataError: a sample without a time, too few times, or classes that are first seen after train ends.
    """
    samples = [dataset.samples[i] for i in pool]
    if without := [s.id for s in samples if s.time is None]:
        raise DataError(f"{len(without)} samples have no time, such as {without[0]}", expected="a time for each")
    times = np.array([s.time for s in samples], dtype=np.float64)
    part = by_time(times, units, shares)
    if (part < 0).any():
        raise DataError(
            f"{len(set(times.tolist()))} different time(s) do not make {1 + sum(s > 0 for s in shares)} parts",
            expected="samples of one time, or of one group, stay together",
            do="leave the time out, or set the share of the test part to 0",
        )
    if dataset.target.kind != "classify":
        return part
    labels = dataset.labels[pool]
    alone = (np.bincount(labels)[labels] == 1) & (np.bincount(units)[units] == 1)
    part[alone] = 0
    if unseen := [dataset.target.classes[i] for i in np.setdiff1d(labels, labels[part == 0])]:
        raise DataError(
            f"{len(unseen)} class(es) are first seen after the training part ends: {some(unseen)}",
            expected="by time, every class among the earlier samples",
            do="take smaller shares with --val and --test, take these classes out, or leave the time out",
        )
    return part
