"""Which part each sample goes to: every class in proportion, groups whole, nothing but the seed by chance."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray

Groups = Sequence[str]
Times = npt.NDArray[np.float64]


def by_class(labels: IntArray, shares: Sequence[float], rng: np.random.Generator) -> IntArray:
    """Part of each sample (n,): 1, 2, ... for each of `shares`, 0 for the rest.

    The size of a part is its share of all samples, rounded, divided over the classes by largest remainder, so that a
    class is within one sample of its exact share. Two rules come before that: every class keeps one sample in part 0,
    and then every class has one in part 1. A small class is not rounded up where a later part would lack its own.

    >>> by_class(np.array([0, 0, 0, 0, 0, 1]), (0.2, 0.2), np.random.default_rng(0)).tolist().count(0)
    4
    """
    counts = np.bincount(labels)
    free = np.maximum(counts - 1, 0)
    part = np.zeros(len(labels), dtype=np.int64)
    takes = []
    for number, share in enumerate(shares, start=1):
        later = sum((np.floor(counts * other) for other in shares[number:]), np.zeros(len(counts)))
        take = _largest_remainder(counts * share, free - later, rng)
        if number == 1 and share > 0:
            take = np.maximum(take, 1)
        take = np.minimum(take, free)
        free = free - take
        takes.append(take)
    for label in np.flatnonzero(counts):
        members, start = rng.permutation(np.flatnonzero(labels == label)), 0
        for number, take in enumerate(takes, start=1):
            part[members[start : start + take[label]]] = number
            start += int(take[label])
    return part


def by_group(labels: IntArray, groups: Groups, shares: Sequence[float], rng: np.random.Generator) -> IntArray:
    """As `by_class`, with all samples of a group in one part.

    Greedy: groups from the largest down go where they bring the class counts and the sizes closest (least squares,
    relative to the class) to what they should be. A class is in part 0 in any case, and no part is left empty unless
    there is no other way.
    """
    units = _units(groups, rng)
    histograms = np.stack([np.bincount(labels[unit], minlength=int(labels.max()) + 1) for unit in units])
    all_shares = (max(0.0, 1 - sum(shares)), *shares)
    chosen = _greedy(histograms, all_shares)
    _keep_classes(chosen, histograms)
    wanted = [number for number, share in enumerate(shares, start=1) if share > 0]
    for number in wanted:
        _fill(chosen, histograms, number)
    if not set(wanted) <= set(chosen.tolist()):
        _one_each(chosen, histograms, wanted)
    return _spread(chosen, units, len(labels))


def deal(labels: IntArray, groups: Groups | None, k: int, rng: np.random.Generator) -> IntArray:
    """Fold 0..k-1 of each sample (n,): each class, and the whole, dealt out as evenly as it goes; groups stay whole."""
    if groups is not None:
        units = _units(groups, rng)
        histograms = np.stack([np.bincount(labels[unit], minlength=int(labels.max()) + 1) for unit in units])
        return _spread(_greedy(histograms, (1 / k,) * k), units, len(labels))
    shuffled = rng.permutation(len(labels))
    in_turn = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    fold[in_turn] = np.arange(len(labels)) % k
    return fold


def by_time(times: Times, units: IntArray, shares: Sequence[float]) -> IntArray:
    """Part of each sample (n,): the latest are the last part, those before it the one before, the rest part 0.

    A unit (`units` (n,) names that of each sample) is where its latest sample is, and units of one time are never
    divided. Each part begins where its size is closest to its share, and none is left empty; -1 where there are fewer
    times than parts.

    >>> by_time(np.array([5.0, 1.0, 2.0, 2.0, 9.0]), np.arange(5), (0.2, 0.2)).tolist()
    [1, 0, 0, 0, 2]
    """
    block, sizes = _blocks(times, units)
    wanted = [number for number, share in enumerate(shares, start=1) if share > 0]
    if len(sizes) <= len(wanted):
        return np.full(len(times), -1, dtype=np.int64)
    before, part_of_block, end = np.cumsum(sizes) - sizes, np.zeros(len(sizes), dtype=np.int64), len(sizes)
    left = float(len(times))
    for place, number in reversed(list(enumerate(wanted, start=1))):
        left -= shares[number - 1] * len(times)
        start = place + int(np.argmin(np.abs(before[place:end] - left)))
        part_of_block[start:end] = number
        end = start
    return part_of_block[block]


def in_turn(times: Times, units: IntArray, chunks: int) -> IntArray:
    """Chunk 0, 1, ... of each sample (n,), from the earliest to the latest, about equally large; as `by_time`.

    There are fewer where there are fewer times.
    """
    block, sizes = _blocks(times, units)
    middle = (np.cumsum(sizes) - sizes / 2) / len(times)
    chunk = np.minimum((middle * chunks).astype(np.int64), chunks - 1)
    return np.unique(chunk, return_inverse=True)[1][block]


def _blocks(times: Times, units: IntArray) -> tuple[IntArray, IntArray]:
    """Block of each sample (n,) in order of time, and the size of each: all units whose latest sample is as late."""
    latest = np.full(int(units.max()) + 1, -np.inf)
    np.maximum.at(latest, units, times)
    block = np.unique(latest[units], return_inverse=True)[1].astype(np.int64)
    return block, np.bincount(block)


def _largest_remainder(
    exact: npt.NDArray[np.floating[Any]], most: npt.NDArray[np.floating[Any]], rng: np.random.Generator
) -> IntArray:
    """Whole numbers that sum to the rounded sum, each its exact value rounded up or down; ties by chance.

    None is rounded up beyond `most`; where that keeps all of them down, the sum is smaller.
    """
    take: IntArray = np.floor(exact).astype(np.int64)
    over = round(float(exact.sum())) - int(take.sum())
    order = np.lexsort((rng.random(len(exact)), -(exact - take).round(9)))
    take[order[take[order] < most[order]][:over]] += 1
    return take


def _units(groups: Groups, rng: np.random.Generator) -> list[IntArray]:
    """Positions of each group, the largest group first, equally large ones in random order."""
    members: dict[str, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[group].append(position)
    units = [np.array(positions, dtype=np.int64) for positions in members.values()]
    return sorted((units[i] for i in rng.permutation(len(units))), key=len, reverse=True)


def _greedy(histograms: IntArray, shares: Sequence[float]) -> IntArray:
    """Part of each unit; `histograms` (units, classes) counts its samples."""
    counts = np.column_stack([histograms, histograms.sum(1)]).astype(np.float64)  # the last column: size
    total = np.maximum(counts.sum(0), 1)
    missing = np.outer(shares, total)
    chosen = np.zeros(len(counts), dtype=np.int64)
    for unit, count in enumerate(counts):
        cost = (((missing - count) ** 2 - missing**2) / total).sum(1)
        chosen[unit] = int(np.argmin(cost))
        missing[chosen[unit]] -= count
    return chosen


def _keep_classes(chosen: IntArray, histograms: IntArray) -> None:
    """Move the smallest unit of every class that part 0 lacks into part 0."""
    for label in range(histograms.shape[1]):
        holders = np.flatnonzero(histograms[:, label])
        if len(holders) and not (chosen[holders] == 0).any():
            chosen[holders[-1]] = 0  # units are sorted, the largest first


def _fill(chosen: IntArray, histograms: IntArray, number: int) -> None:
    """If a part is empty, give it the smallest unit to spare: part 0 keeps every class, another part one unit."""
    if (chosen == number).any():
        return
    held = {part: histograms[chosen == part].sum(0) for part in set(chosen.tolist())}
    for unit in range(len(chosen) - 1, -1, -1):
        rest = held[int(chosen[unit])] - histograms[unit]
        if (rest[histograms[unit] > 0] > 0).all() if chosen[unit] == 0 else rest.any():
            chosen[unit] = number
            return


def _one_each(chosen: IntArray, histograms: IntArray, wanted: Sequence[int]) -> None:
    """Give each part one unit and part 0 the rest, the smallest units for which part 0 keeps every class, if any."""
    total = histograms.sum(0)
    spare = [unit for unit in range(len(chosen) - 1, -1, -1) if (histograms[unit] < total)[total > 0].all()]
    for units in itertools.combinations(spare, len(wanted)):
        if (histograms[list(units)].sum(0) < total)[total > 0].all():
            chosen[:] = 0
            chosen[list(units)] = wanted
            return


def _spread(chosen: IntArray, units: list[IntArray], n: int) -> IntArray:
    part = np.empty(n, dtype=np.int64)
    for number, unit in zip(chosen, units, strict=True):
        part[unit] = number
    return part
