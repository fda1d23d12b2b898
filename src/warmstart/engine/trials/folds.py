"""The folds that all contenders share. Copies and groups stay whole; a test part that the data gives stays closed."""

from __future__ import annotations

import dataclasses

import numpy as np

from warmstart.data.futures import ForecastTarget
from warmstart.data.origins import forward, units
from warmstart.data.schema import Dataset, IntArray, Split
from warmstart.data.split import WAYS, folds, split
from warmstart.data.together import Sets, group_sets, joined


@dataclasses.dataclass(frozen=True)
class Fold:
    """One division: `split.train` and `split.val` are the contender's, `split.test` is what is held out."""

    seed: int
    number: int  # from 0
    split: Split


@dataclasses.dataclass(frozen=True)
class Folds:
    """All divisions; `units` (n,) number what belongs together, `closed` are samples of the given test part."""

    every: tuple[Fold, ...]
    units: IntArray
    closed: int
    how: str

    @property
    def ratio(self) -> float:
        """Held-out samples over those that a contender is given, on average."""
        held = sum(len(fold.split.test) for fold in self.every)
        return held / sum(len(fold.split.train) + len(fold.split.val) for fold in self.every)


def make_folds(dataset: Dataset, k: int, seeds: tuple[int, ...], *, val: float = 0.2, alike: Sets = ()) -> Folds:
    """`k` folds for each seed, of all samples that no given test part claims.

    Each seed deals anew. Of what is not held out, a share `val` is the validation part: whatever a contender chooses
    (an epoch, a temperature), it chooses there. Where samples have a time, the folds chain forward, and there is one
    division whatever the seed.

    Raises:
        DataError: too few samples, groups or times for two folds.
    """
    if isinstance(dataset.target, ForecastTarget):
        return _forward(dataset, k, seeds, val)
    pool = np.flatnonzero(np.array([sample.split != "test" for sample in dataset.samples]))
    groups = [sample.group for sample in dataset.samples]
    units = joined(len(dataset), [*alike, *group_sets(groups)])
    grouped = any(group is not None for group in groups)
    times = [dataset.samples[i].time for i in pool]
    strata, mine = dataset.strata[pool], units[pool]
    every: list[Fold] = []
    for seed in seeds:
        for number, (learned, held) in enumerate(_deal(strata, mine, k, seed, times, grouped)):
            parts = _inner(dataset, pool[learned], val, seed, units)
            every.append(Fold(seed, number, dataclasses.replace(parts, test=pool[held])))
    chained = times[0] is not None if times else False
    way = (
        "chained forward in time"
        if chained
        else f"{WAYS[dataset.target.kind]}{', groups kept whole' if grouped else ''}"
    )
    again = "" if len(seeds) == 1 or chained else f", dealt anew for each of {len(seeds)} seeds"
    count = len({fold.number for fold in every})
    how = f"{count} folds, {way}{again}; {val:.0%} of each training part is for validation"
    return Folds(tuple(every), units, len(dataset) - len(pool), how)


def dealt_again(dataset: Dataset, found: Folds, seeds: tuple[int, ...], *, val: float) -> Folds:
    """The first fold once for each seed: the same samples held out, the others dealt anew into training and validation.

    Windows in time cannot be dealt, so what each draw has of its own there is the seed alone.
    """
    first = found.every[0]
    learned = np.sort(np.concatenate([first.split.train, first.split.val]))
    timed = isinstance(dataset.target, ForecastTarget)
    every = [first]
    for seed in seeds[1:]:
        parts = first.split if timed else _inner(dataset, learned, val, seed, found.units)
        every.append(Fold(seed, 0, dataclasses.replace(parts, test=first.split.test)))
    held = len(first.split.test)
    how = f"{held} held out; the others dealt into training and validation for each of {len(seeds)} seeds"
    return dataclasses.replace(found, every=tuple(every), how=how)


def _forward(dataset: Dataset, k: int, seeds: tuple[int, ...], val: float) -> Folds:
    """Of windows to be forecast, by time: the same for every seed."""
    parts = forward(dataset, k, val=val)
    every = tuple(Fold(seed, number, part) for seed in seeds for number, part in enumerate(parts))
    how = f"{len(parts)} folds, forward in time, a gap of a horizon before each; {val:.0%} of each training part is "
    return Folds(every, units(dataset), 0, f"{how}for validation")


def _deal(
    strata: IntArray, units: IntArray, k: int, seed: int, times: list[float | None], grouped: bool
) -> list[tuple[IntArray, IntArray]]:
    if all(time is not None for time in times):
        known = [time for time in times if time is not None]
        return folds(strata, k, seed, [str(unit) for unit in units], known)
    if grouped:
        return folds(strata, k, seed, [str(unit) for unit in units])
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)  # copies follow the first of them
    dealt = folds(strata[first], k, seed)
    return [(np.flatnonzero(np.isin(unit, train)), np.flatnonzero(np.isin(unit, held))) for train, held in dealt]


def _inner(dataset: Dataset, learned: IntArray, val: float, seed: int, units: IntArray) -> Split:
    """Training and validation part of what is not held out; the parts that the data gives do not count here."""
    inner = dataset.subset(learned)
    inner = dataclasses.replace(inner, samples=tuple(dataclasses.replace(s, split=None) for s in inner.samples))
    members: dict[int, list[int]] = {}
    for position, unit in enumerate(units[learned].tolist()):
        members.setdefault(unit, []).append(position)
    parts = split(inner, val=val, test=0.0, seed=seed, copies=[some for some in members.values() if len(some) > 1])
    return dataclasses.replace(parts, train=learned[parts.train], val=learned[parts.val])
