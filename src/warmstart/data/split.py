"""Dividing samples into train, validation and test: stratified by class, groups kept whole, fixed by a seed.

A class with a single sample stays in train: it can be learned from, and is not evaluated.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from warmstart.data.schema import Dataset, IntArray, Split
from warmstart.errors import DataError

EMPTY: IntArray = np.zeros(0, dtype=np.int64)


def split(dataset: Dataset, *, val: float = 0.2, test: float = 0.2, seed: int = 0) -> Split:
    """Divide a data set.

    What the user's layout says is kept: parts that it has are taken as they are, `val` is cut from train where it is
    missing, and `test` only where the layout has no parts at all. Samples with a group stay together.

    Args:
        dataset: labelled samples.
        val, test: shares of the samples that are divided, 0 for no such part.
        seed: of the division; the same data and seed give the same parts.

    Raises:
        DataError: a share is out of range.
    """
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise DataError(f"val={val} and test={test}", expected="shares of at least 0 that leave something to train on")
    given = np.array([s.split or "" for s in dataset.samples])
    groups = _groups(dataset)
    if not (given != "").any():
        rest = np.arange(len(dataset))
        held, rest = _take(dataset, groups, rest, test, seed)
        taken, train = _take(dataset, groups, rest, val / (1 - test), seed + 1)
        how = f"{_kind(groups)}, seed {seed}: {len(train)} train, {len(taken)} validation, {len(held)} test"
        return Split(train, taken, held, how, _notes(dataset, train, taken, held))
    train = np.flatnonzero((given == "train") | (given == ""))
    taken, held = np.flatnonzero(given == "val"), np.flatnonzero(given == "test")
    if len(taken):
        how = f"as the data gives it: {len(train)} train, {len(taken)} validation, {len(held)} test"
    else:
        taken, train = _take(dataset, groups, train, val, seed + 1)
        how = (
            f"test as given ({len(held)}); validation cut from train, {_kind(groups)}, seed {seed}: "
            f"{len(train)} train, {len(taken)} validation"
        )
    return Split(train, taken, held, how, _notes(dataset, train, taken, held))


def folds(labels: IntArray, k: int, seed: int = 0, groups: list[str] | None = None) -> list[tuple[IntArray, IntArray]]:
    """`k` stratified folds of positions 0..n-1 as (train, held out); groups stay whole.

    Each class is dealt out in turn, so a class has at most one more sample in one fold than in another.

    >>> [len(held) for _, held in folds(np.array([0, 0, 0, 1, 1, 1]), 3)]
    [2, 2, 2]
    """
    part = _deal(labels, groups, k, seed)
    return [(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(k)]


def _deal(labels: IntArray, groups: list[str] | None, k: int, seed: int) -> IntArray:
    rng = np.random.default_rng(seed)
    part = np.zeros(len(labels), dtype=np.int64)
    if groups is None:
        start = 0
        for label in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == label))
            part[members] = (start + np.arange(len(members))) % k
            start += len(members)
        return part
    units = _units(labels, groups, rng)
    counts = np.zeros((k, int(labels.max()) + 1))
    for unit in units:
        histogram = np.bincount(labels[unit], minlength=counts.shape[1])
        fullness = (counts * histogram).sum(1) + 1e-3 * counts.sum(1)
        best = int(np.argmin(fullness))
        counts[best] += histogram
        part[unit] = best
    return part


def _take(
    dataset: Dataset, groups: list[str] | None, pool: IntArray, share: float, seed: int
) -> tuple[IntArray, IntArray]:
    """(taken, left): about `share` of the pool, of each class."""
    if share <= 0 or len(pool) == 0:
        return EMPTY, pool
    labels, rng = dataset.labels[pool], np.random.default_rng(seed)
    chosen = (
        _by_class(labels, share, rng)
        if groups is None
        else _by_group(labels, [groups[int(i)] for i in pool], share, rng)
    )
    return np.sort(pool[chosen]), np.sort(pool[~chosen])


def _by_class(labels: IntArray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Of each class of two or more, at least one sample and at most all but one; the total by largest remainder."""
    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * share
    take = np.floor(exact).astype(np.int64)
    missing = round(float(exact.sum())) - int(take.sum())
    for c in np.argsort(-(exact - take), kind="stable")[: max(0, missing)]:
        take[c] += 1
    take = np.clip(take, np.minimum(1, counts - 1), counts - 1)
    chosen = np.zeros(len(labels), dtype=bool)
    for label, n in zip(classes, take, strict=True):
        chosen[rng.permutation(np.flatnonzero(labels == label))[:n]] = True
    return chosen


def _by_group(labels: IntArray, groups: list[str], share: float, rng: np.random.Generator) -> np.ndarray:
    """Whole groups, largest first, wherever they bring the class counts nearer to their share."""
    target = np.bincount(labels) * share
    taken = np.zeros_like(target)
    chosen = np.zeros(len(labels), dtype=bool)
    units = _units(labels, groups, rng)
    for unit in units:
        histogram = np.bincount(labels[unit], minlength=len(target))
        if ((taken + histogram - target) ** 2).sum() < ((taken - target) ** 2).sum() and not (
            chosen | _at(unit, labels)
        ).all():
            taken += histogram
            chosen[unit] = True
    return chosen


def _at(unit: IntArray, labels: IntArray) -> np.ndarray:
    mask = np.zeros(len(labels), dtype=bool)
    mask[unit] = True
    return mask


def _units(labels: IntArray, groups: list[str], rng: np.random.Generator) -> list[IntArray]:
    """Positions of each group, largest group first, equals in random order."""
    members: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        members[group].append(i)
    units = [np.array(m, dtype=np.int64) for m in members.values()]
    order = rng.permutation(len(units))
    return sorted((units[int(i)] for i in order), key=len, reverse=True)


def _groups(dataset: Dataset) -> list[str] | None:
    """A group per sample, or `None` if none has one; a sample without one is a group of its own."""
    if all(s.group is None for s in dataset.samples):
        return None
    return [s.group if s.group is not None else f"\0{i}" for i, s in enumerate(dataset.samples)]


def _kind(groups: list[str] | None) -> str:
    return "stratified" if groups is None else f"stratified, {len(set(groups))} groups kept whole"


def _notes(dataset: Dataset, train: IntArray, val: IntArray, test: IntArray) -> tuple[str, ...]:
    labels, notes = dataset.labels, []
    for name, part in (("validation", val), ("test", test)):
        absent = [c for i, c in enumerate(dataset.target.classes) if not (labels[part] == i).any()]
        if len(part) and absent:
            notes.append(f"not evaluated on {name} for want of samples: {', '.join(absent)}")
    absent = [c for i, c in enumerate(dataset.target.classes) if not (labels[train] == i).any()]
    if absent:
        notes.append(f"no training sample is left of: {', '.join(absent)}")
    return tuple(notes)
