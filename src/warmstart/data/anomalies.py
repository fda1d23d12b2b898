"""Data in which some samples are normal: which label says so, and in which part the others are of use."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from warmstart.data.names import natural, some
from warmstart.data.schema import Dataset, IntArray, Split
from warmstart.data.targets import AnomalyTarget
from warmstart.errors import DataError, nearest

NORMAL, ANOMALY = "normal", "anomaly"
"""What samples without a label are called, and what all labels but that of normal samples are read as."""
NAMES = (NORMAL, "good", "ok", "okay", "healthy", "nominal", "regular", "0")
"""Labels that are taken for that of normal samples, the likeliest first, upper or lower case."""


def as_anomalies(dataset: Dataset, normal: str | AnomalyTarget | None) -> Dataset:
    """The data set with the label of normal samples as it is, and one for all others.

    Args:
        dataset: labelled with names.
        normal: the label of normal samples; without it the first of `NAMES` that there is, or the only label; or the
            target that a model was fitted for, of which there may be no normal sample here.

    Raises:
        DataError: no sample has that label, or it cannot be told.

    >>> from warmstart.data.sources import load
    >>> found = load((["a", "b", "c", "d"], ["fine", "torn", "fine", "wet"]), kind="text", normal="fine")
    >>> [sample.label for sample in found.samples]
    ['fine', 'anomaly', 'fine', 'anomaly']
    """
    counts = Counter(str(s.label) for s in dataset.samples if s.label is not None)
    notes = list(dataset.notes)
    if isinstance(normal, AnomalyTarget):
        target = normal
    else:
        name = _normal(counts, normal, notes)
        target = AnomalyTarget((name, ANOMALY if name != ANOMALY else f"not {ANOMALY}"))
    others = sorted((label for label in counts if label != target.normal), key=natural)
    if others:
        odd = sum(counts[label] for label in others)
        notes.append(
            f"normal is {target.normal!r} ({counts[target.normal]} samples); read as {target.classes[1]!r}: "
            f"{some(others)} ({odd} samples)"
        )
    else:
        notes.append(f"all {counts[target.normal]} samples are taken for normal, as {target.normal!r}")
    labels = [None if s.label is None else target.classes[int(str(s.label) != target.normal)] for s in dataset.samples]
    samples = tuple(dataclasses.replace(s, label=label) for s, label in zip(dataset.samples, labels, strict=True))
    return dataclasses.replace(dataset, samples=samples, target=target, notes=tuple(notes))


def _normal(counts: Counter[str], asked: str | None, notes: list[str]) -> str:
    names = sorted(counts, key=natural)
    if asked is not None:
        if asked not in counts:
            raise DataError(
                f"no sample is labelled {asked!r}, which is to be normal",
                expected=f"one of the labels: {some(names, 10)}",
                do=f"the nearest: {nearest(asked, names)}",
            )
        return asked
    if len(names) == 1:
        return names[0]
    by_name = {name.casefold(): name for name in reversed(names)}
    found = next((by_name[name] for name in NAMES if name in by_name), None)
    if found is None:
        raise DataError(
            f"it cannot be told which label says that a sample is normal: {some(names, 10)}",
            expected=f"one that is called {', '.join(NAMES[:4])} or the like",
            do="say which it is with normal (--normal)",
        )
    notes.append(f"the label {found!r} is taken for that of normal samples; normal (--normal) names another")
    return found


def out_of_train(
    strata: IntArray, units: IntArray, part: IntArray, shares: Sequence[float], rng: np.random.Generator
) -> IntArray:
    """Parts (n,) with the anomalies dealt to all but train (0), in proportion to `shares`.

    Nothing is learned from them, while every one of them helps to choose and to measure. A unit, copies or a group,
    that has a normal sample in it stays where it is.

    >>> kinds, alone = np.array([0, 0, 1, 1, 1, 1]), np.arange(6)
    >>> out_of_train(kinds, alone, np.array([0, 1, 0, 0, 0, 2]), (0.2, 0.2), np.random.default_rng(0)).tolist()
    [0, 1, 2, 1, 1, 2]
    """
    numbers = [number for number, share in enumerate(shares, start=1) if share > 0]
    mixed = set(units[strata == 0].tolist())
    odd = sorted(set(units[strata == 1].tolist()) - mixed)
    if not numbers or not odd:
        return part
    bounds = np.cumsum([shares[number - 1] for number in numbers]) / sum(shares)
    places = (rng.permutation(len(odd)) + 0.5) / len(odd)
    to = dict(zip(odd, np.asarray(numbers)[np.searchsorted(bounds, places)].tolist(), strict=True))
    return np.array([to.get(unit, old) for unit, old in zip(units.tolist(), part.tolist(), strict=True)])


def parts_told(dataset: Dataset, train: IntArray, val: IntArray, test: IntArray) -> list[str]:
    """Notes on what the parts do not allow."""
    strata, notes = dataset.strata, []
    if lost := int((strata[train] == 1).sum()):
        notes.append(f"{lost} anomalies lie in train, and are not learned from")
    if len(val) and len(set(strata[val].tolist())) < 2:
        notes.append("validation does not hold both normal samples and anomalies: the default method is taken")
    if len(test) and not (strata[test] == 1).any():
        notes.append("the test part holds no anomaly: what is measured there are false alarms alone")
    return notes


def as_divided(dataset: Dataset, split: Split) -> Dataset:
    """The data set with a target that says what its parts allow; without a test part validation is measured on."""
    if not isinstance(dataset.target, AnomalyTarget):
        return dataset
    val, test = (len(set(dataset.strata[part].tolist())) == 2 for part in (split.val, split.test))
    target = dataclasses.replace(dataset.target, choosable=val, measurable=test if len(split.test) else val)
    return dataclasses.replace(dataset, target=target)
