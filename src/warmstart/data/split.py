"""Dividing samples into train, validation and test: stratified by label or by time, groups and copies kept whole.

What the user's layout says is kept. A class with a single sample stays in train: it can be learned from and is not
evaluated, and a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warmstart.data.anomalies import out_of_train, parts_told
from warmstart.data.futures import ForecastTarget
from warmstart.data.names import some
from warmstart.data.origins import by_origin
from warmstart.data.parts import check_parts, groups_across
from warmstart.data.schema import Dataset, IntArray, Split
from warmstart.data.stratify import by_class, by_group, deal, in_turn
from warmstart.data.targets import TaskName
from warmstart.data.timed import timed
from warmstart.data.together import Sets, group_sets, joined
from warmstart.errors import DataError

WAYS: dict[TaskName, str] = {
    "classify": "stratified by class",
    "multilabel": "stratified by rarest label",
    "regress": "stratified by number (tenths)",
    "tag": "stratified by rarest tag",
    "generate": "at random",
    "forecast": "by time",
    "anomaly": "normal samples and anomalies apart, none of these in train",
    "detect": "stratified by rarest class of object",
    "segment": "stratified by rarest class of pixel",
    "several": "stratified by class of the first task, and by which tasks have a label",
}
"""How samples are divided, by what they are labelled with; see `Target.strata`."""


def split(dataset: Dataset, *, val: float = 0.2, test: float = 0.2, seed: int = 0, copies: Sets = ()) -> Split:
    """Divide a data set; the same data, shares and seed give the same parts.

    Parts that the samples come with are taken as they are. `val` is cut from train where there is none, and `test`
    where there is neither a validation nor a test part. Samples of one group are never divided, nor are copies.

    Where samples have a time, parts are cut by it instead of stratified: the latest samples are the test, those before
    it validation, the rest train. Samples of one time stay together, and a group is where its latest sample is. Windows
    of series to be forecast are divided as `warmstart.data.origins.by_origin` has it.

    Args:
        dataset: labelled samples.
        val: share of what is divided (of train, if the test part is given) that goes to validation.
        test: share that goes to the test part; 0 for none.
        seed: of the division.
        copies: sets of indices of samples that show the same (`warmstart.data.together`).

    Raises:
        DataError: a share or seed out of range, a sample without a label, a class in validation or test that train
            lacks, no training part, or groups or times that leave a part empty.

    >>> from warmstart.data.sources import load
    >>> parts = split(load((np.zeros((10, 4, 4), np.uint8), list("aaaaabbbbb"))))
    >>> len(parts.train), len(parts.val), len(parts.test)
    (6, 2, 2)
    """
    _check(dataset, val, test, seed)
    check_parts(dataset)
    if isinstance(dataset.target, ForecastTarget):
        return by_origin(dataset, val=val, test=test)
    given = np.array([s.split or "" for s in dataset.samples])
    has_val, has_test = bool((given == "val").any()), bool((given == "test").any())
    pool = np.flatnonzero((given == "train") | (given == ""))
    shares = (0.0 if has_val else val, 0.0 if has_val or has_test else test)
    twins = _within(pool, copies) if any(shares) else []
    part = _divide(dataset, pool, shares, seed, twins)
    val_part = np.flatnonzero(given == "val") if has_val else pool[part == 1]
    test_part = np.flatnonzero(given == "test") if has_test else pool[part == 2]
    parts = [pool[part == 0], val_part, test_part]
    how = _how(dataset, parts, has_val=has_val, has_test=has_test, seed=seed)
    no_test = "the data gives a validation part and no test part" if has_val and not has_test else ""
    if shares[1] and not len(test_part):
        no_test = f"{len(pool)} samples are too few for a test part of {test:.0%}"
    notes = _notes(dataset, *parts, no_test=no_test)
    if twins:
        extra = sum(len(members) - 1 for members in twins)
        several = "series" if dataset.kind == "series" else f"{dataset.kind}(s)"
        notes = (
            *notes,
            f"{extra} {several} are copies of another, or look just like it, and are kept in its part",
        )
    return Split(parts[0], parts[1], parts[2], how, notes)


def folds(
    strata: IntArray,
    k: int,
    seed: int = 0,
    groups: Sequence[str] | None = None,
    time: Sequence[float] | None = None,
) -> list[tuple[IntArray, IntArray]]:
    """At most `k` stratified folds of positions 0..n-1 as (train, held out); every position is held out once.

    `strata` (n,) are the classes, or what else a part should have some of each of (`Dataset.strata`). Groups stay
    whole. There are fewer folds where there are fewer samples or groups than `k`.

    With `time` they are not stratified but chained forward: of k + 1 stretches of time of about equally many samples
    each but the first is held out once, and everything before it is train. Samples of one time stay together; a group
    is where its latest sample is. A train part may then lack a class that its held-out part has.

    Raises:
        DataError: fewer than two samples, groups or times.

    >>> [held.tolist() for _, held in folds(np.array([0, 1, 0, 1]), 2)]
    [[1, 2], [0, 3]]
    >>> [(train.tolist(), held.tolist()) for train, held in folds(np.array([0, 1, 0]), 2, time=[3, 1, 2])]
    [([1], [2]), ([1, 2], [0])]
    """
    if time is not None:
        units = np.arange(len(strata)) if groups is None else joined(len(strata), group_sets(groups))
        chunk = in_turn(np.asarray(time, dtype=np.float64), units, k + 1)
        if k < 2 or chunk.max() < 1:
            raise DataError(f"{chunk.max() + 1} time(s) cannot be divided into {k} folds", "at least two of each")
        return [
            (np.flatnonzero(chunk < number), np.flatnonzero(chunk == number)) for number in range(1, chunk.max() + 1)
        ]
    things = len(strata) if groups is None else len(set(groups))
    if min(k, things) < 2:
        raise DataError(
            f"{things} {'samples' if groups is None else 'groups'} cannot be divided into {k} folds",
            expected="at least two of each",
        )
    fold = deal(strata, groups, min(k, things), np.random.default_rng(seed))
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in np.unique(fold)]


def _check(dataset: Dataset, val: float, test: float, seed: int) -> None:
    if seed < 0:
        raise DataError(f"the seed {seed}", expected="a whole number of at least 0")
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise DataError(
            f"the shares val={val:g} and test={test:g}", expected="shares of at least 0 that together are less than 1"
        )
    unlabelled = [s.id for s in dataset.samples if s.label is None]
    if unlabelled:
        raise DataError(f"{len(unlabelled)} samples have no label, such as {unlabelled[0]}", "a label for each")
    if all(s.split in ("val", "test") for s in dataset.samples):
        raise DataError("there is nothing to train on", expected="a train part", do="give the folder that holds train/")


def _within(pool: IntArray, copies: Sets) -> list[list[int]]:
    """The sets as positions in `pool`, without what lies elsewhere."""
    place = {int(i): position for position, i in enumerate(pool)}
    found = [[place[i] for i in members if i in place] for members in copies]
    return [members for members in found if len(members) > 1]


def _divide(dataset: Dataset, pool: IntArray, shares: tuple[float, float], seed: int, twins: Sets) -> IntArray:
    """Part (0 train, 1 validation, 2 test) of each sample in `pool`; `twins` are positions in it."""
    strata, rng = dataset.strata[pool], np.random.default_rng(seed)
    if not any(shares):
        return np.zeros(len(pool), dtype=np.int64)
    samples = [dataset.samples[i] for i in pool]
    groups = group_sets([s.group for s in samples])
    units = joined(len(pool), [*groups, *twins])
    if any(s.time is not None for s in samples):
        return timed(dataset, pool, units, shares)
    part = _dealt(dataset, strata, units, shares, rng, grouped=bool(groups))
    return out_of_train(strata, units, part, shares, rng) if dataset.target.kind == "anomaly" else part


def _dealt(
    dataset: Dataset,
    strata: IntArray,
    units: IntArray,
    shares: tuple[float, float],
    rng: np.random.Generator,
    *,
    grouped: bool,
) -> IntArray:
    """Parts by stratum; `units` are whole."""
    if not grouped:  # one of each set of copies is dealt, the others go with it
        _, first, whose = np.unique(units, return_index=True, return_inverse=True)
        return _with_every_class(by_class(strata[first], shares, rng)[whose], strata, units)
    needed, several = 1 + sum(share > 0 for share in shares), len(set(units.tolist()))
    part = by_group(strata, [str(unit) for unit in units], shares, rng) if several >= needed else np.zeros_like(strata)
    if len(np.unique(part)) < needed:
        classes = dataset.target.kind == "classify"
        every, each = (" of which train has every class", ", and each class in several") if classes else ("", "")
        raise DataError(
            f"{several} group(s), kept whole, do not make {needed} parts{every}",
            expected=f"at least {needed} groups{each}",
            do="leave the group out, or set the share of the test part to 0",
        )
    return part


def _with_every_class(part: IntArray, labels: IntArray, units: IntArray) -> IntArray:
    """The same, with classes that train lacks moved there: all their samples are copies of other classes'."""
    for label in np.setdiff1d(labels, labels[part == 0]):
        part[np.isin(units, units[labels == label])] = 0
    return part


def _how(dataset: Dataset, parts: list[IntArray], *, has_val: bool, has_test: bool, seed: int) -> str:
    sizes = ", ".join(f"{len(p)} {name}" for p, name in zip(parts, ("train", "validation", "test"), strict=True))
    if has_val:
        return f"as the data gives it: {sizes}"
    grouped = any(s.group is not None for s in dataset.samples)
    if any(s.time is not None for s in dataset.samples):
        way = f"by time, the latest last{', a group where its latest sample is' if grouped else ''}, not stratified"
    else:
        way = f"{WAYS[dataset.target.kind]}{', groups kept whole' if grouped else ''}, seed {seed}"
    if has_test:
        return f"test as the data gives it, validation cut from train ({way}): {sizes}"
    given = any(s.split == "train" for s in dataset.samples)
    return f"{'cut from train, ' if given else ''}{way}: {sizes}"


def _notes(dataset: Dataset, train: IntArray, val: IntArray, test: IntArray, *, no_test: str) -> tuple[str, ...]:
    if dataset.target.kind == "anomaly":
        notes = parts_told(dataset, train, val, test)
    else:
        notes = _of_names(dataset, train, val, test) if dataset.target.kind != "regress" else []
    if no_test:
        notes.append(f"{no_test}: no test is made")
    part_of = {int(i): name for name, part in (("train", train), ("val", val), ("test", test)) for i in part}
    if across := groups_across(dataset, part_of):
        notes.append(f"{len(across)} group(s) lie in more than one part as given: {some(across, 3)}")
    return tuple(notes)


def _of_names(dataset: Dataset, train: IntArray, val: IntArray, test: IntArray) -> list[str]:
    """Notes on classes, labels or tags that a part lacks."""
    classes, counts, notes = dataset.target.classes, dataset.counts, []
    seen = [{name for i in part for name in dataset.samples[i].names} for part in (train, val, test)]
    if single := [name for name in classes if counts[name] == 1 and name in seen[0]]:
        notes.append(f"one sample only, kept in train and not evaluated: {', '.join(single)}")
    if unlearned := [name for name in classes if counts[name] and name not in seen[0]]:
        notes.append(f"train has no sample of, and so does not teach: {', '.join(unlearned)}")
    for name, part, held in (("validation", val, seen[1]), ("test", test, seen[2])):
        absent = [c for c in classes if c not in held and counts[c] > 1]
        if len(part) and absent:
            notes.append(f"{name} has no sample of, and so does not evaluate: {', '.join(absent)}")
    return notes
