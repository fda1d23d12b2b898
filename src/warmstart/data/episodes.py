"""Episodes of few-shot learning: which samples make one, and which classes are kept for those that are measured by."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from warmstart.data.schema import IntArray, Split
from warmstart.errors import DataError

_ORDER, _CLASSES = 3, 4
"""As in `warmstart.data.batches`: generators of their own."""
WHOLE_SETS = 3
"""From so many sets on, whole ones are held out: what is asked of the backbone is then to do well on another set."""


@dataclasses.dataclass(frozen=True)
class Episode:
    """How a task is made: `ways` classes, of each `shots` samples that are learned from and `queries` that are asked.

    Rows of an episode lie class by class, and in each class those learned from come first.
    """

    ways: int
    shots: int
    queries: int

    @property
    def each(self) -> int:
        """Samples of a class."""
        return self.shots + self.queries

    @property
    def samples(self) -> int:
        """Samples in all."""
        return self.ways * self.each


def set_numbers(classes: Sequence[str]) -> IntArray:
    """The number of the set that each class `SET/CLASS` is of (classes,); those without a slash are one set.

    >>> set_numbers(("a/1", "a/2", "b/1", "loose", "other")).tolist()
    [0, 0, 1, 2, 2]
    """
    names = [name.rpartition("/")[0] for name in classes]
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names], dtype=np.int64)


def usable_classes(labels: IntArray, sets: IntArray, episode: Episode) -> IntArray:
    """The classes that episodes can be drawn of: with enough samples, and enough others of their set that have.

    >>> usable_classes(np.array([0, 0, 1, 1, 2, -1, -1]), np.zeros(3, int), Episode(2, 1, 1)).tolist()
    [0, 1]
    """
    found, counts = np.unique(labels[labels >= 0], return_counts=True)
    enough = found[counts >= episode.each]
    per_set = np.bincount(sets[enough], minlength=int(sets.max(initial=0)) + 1)
    usable: IntArray = enough[per_set[sets[enough]] >= episode.ways]
    return usable


def episode_order(
    labels: IntArray, sets: IntArray, episode: Episode, *, episodes: int, at_once: int, seed: int, epoch: int
) -> list[IntArray]:
    """Positions in `labels` of so many episodes, `at_once` of them in a batch; a function of (seed, epoch).

    The classes of an episode are of one set, which is drawn in proportion to how many usable classes it has. No sample
    is twice in an episode.

    Args:
        labels: class of each sample (n,); -1 where it is not known.
        sets: the set of each class (classes,).
        episode: how each is made.
        episodes: how many; the last batch has fewer where `at_once` does not divide it.
        at_once: episodes in a batch.
        seed: of the draws, with `epoch`.
        epoch: another one gives others.

    Raises:
        DataError: no set has enough classes with enough samples.

    >>> order = episode_order(
    ...     np.array([0, 1, 0, 1, 2]), np.zeros(3, int), Episode(2, 1, 1), episodes=3, at_once=2, seed=0, epoch=0)
    >>> [len(batch) for batch in order], sorted(order[1].tolist())
    ([8, 4], [0, 1, 2, 3])
    """
    usable = usable_classes(labels, sets, episode)
    if not len(usable):
        raise DataError(
            f"no {episode.ways} classes have {episode.each} samples each",
            expected=f"at least {episode.ways} classes, of each {episode.shots} given and {episode.queries} asked",
            do="take fewer ways, shots or queries",
        )
    rng = np.random.default_rng([seed, epoch, _ORDER])
    members = {int(label): np.flatnonzero(labels == label) for label in usable}
    of_set = {int(number): usable[sets[usable] == number] for number in np.unique(sets[usable])}
    drawn: list[IntArray] = []
    for _ in range(episodes):
        classes = of_set[int(sets[rng.choice(usable)])]
        chosen = rng.choice(classes, episode.ways, replace=False)
        each = [rng.choice(members[int(label)], episode.each, replace=False) for label in chosen]
        drawn.append(np.concatenate(each))
    return [np.concatenate(drawn[i : i + at_once]) for i in range(0, episodes, at_once)]


def divided_classes(
    labels: IntArray, sets: IntArray, episode: Episode, *, val: float, test: float, seed: int
) -> tuple[Split, str]:
    """Samples to train on, to choose by and to measure on, no class in two of these; and what was left out, in words.

    Of three or more sets whole ones are held out. Of fewer, classes are: at least `ways` of a set for each part, and a
    set that has fewer than three times as many is trained on alone.

    Raises:
        DataError: there are too few classes to hold any out.
    """
    usable = usable_classes(labels, sets, episode)
    numbers = np.unique(sets[usable])
    rng = np.random.default_rng([seed, _CLASSES])
    whole = len(numbers) >= WHOLE_SETS
    parts = _of_sets(usable, sets, rng, val, test) if whole else _of_classes(usable, sets, rng, val, test, episode.ways)
    if not all(len(part) for part in parts):
        raise DataError(
            f"{len(usable)} classes with at least {episode.each} samples each",
            expected=f"at least {3 * episode.ways}: {episode.ways} to train on, and as many others to choose by and to "
            "measure on",
            do="take fewer --ways, or fewer --queries or --shots where classes have few samples",
        )
    train, held, asked = (np.flatnonzero(np.isin(labels, part)) for part in parts)
    what = "sets, their classes" if whole else "classes"
    how = (
        f"{what} at random, seed {seed}: {len(parts[0])} to train on, {len(parts[1])} to choose by, {len(parts[2])} new"
    )
    known = len(np.unique(labels[labels >= 0]))
    few = known - len(usable)
    left_out = f"{few} of {known} classes are left out: episodes take {episode.each} samples of each" if few else ""
    return Split(train, held, asked, how=how), left_out


_Parts = tuple[IntArray, IntArray, IntArray]


def _of_sets(usable: IntArray, sets: IntArray, rng: np.random.Generator, val: float, test: float) -> _Parts:
    """Classes of the sets of each part, at least one set in each."""
    numbers = rng.permutation(np.unique(sets[usable]))
    asked = max(1, round(test * len(numbers)))
    held = max(1, round(val * len(numbers)))
    parts = numbers[asked + held :], numbers[asked : asked + held], numbers[:asked]
    train, chosen, measured = (usable[np.isin(sets[usable], part)] for part in parts)
    return train, chosen, measured


def _of_classes(
    usable: IntArray, sets: IntArray, rng: np.random.Generator, val: float, test: float, ways: int
) -> _Parts:
    """Classes of each part, of each set that has enough; none is held out of the others."""
    parts: list[list[int]] = [[], [], []]
    for number in np.unique(sets[usable]):
        classes = rng.permutation(usable[sets[usable] == number]).tolist()
        if len(classes) < 3 * ways:
            parts[0] += classes
            continue
        asked = min(max(ways, round(test * len(classes))), len(classes) - 2 * ways)
        held = min(max(ways, round(val * len(classes))), len(classes) - asked - ways)
        parts[0] += classes[asked + held :]
        parts[1] += classes[asked : asked + held]
        parts[2] += classes[:asked]
    train, chosen, measured = (np.array(sorted(part), dtype=np.int64) for part in parts)
    return train, chosen, measured
