"""Folds that all contenders share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.engine.trials.folds import make_folds
from warmstart.errors import DataError

IMAGE = np.zeros((4, 4), np.uint8)


def dataset(n: int = 60, **fields: Sequence[Any]) -> Dataset:
    samples = tuple(Sample(f"{i}", IMAGE, label="ab"[i % 2]) for i in range(n))
    for name, values in fields.items():
        samples = tuple(dataclasses.replace(s, **{name: v}) for s, v in zip(samples, values, strict=True))
    return Dataset(samples, ClassTarget(("a", "b")))


def test_every_sample_is_held_out_once_per_seed_and_never_learned_from_then() -> None:
    found = make_folds(dataset(), 5, (0, 1))
    for seed in (0, 1):
        held = np.concatenate([f.split.test for f in found.every if f.seed == seed])
        assert sorted(held.tolist()) == list(range(60))
    for fold in found.every:
        parts = [set(part.tolist()) for part in (fold.split.train, fold.split.val, fold.split.test)]
        assert sum(map(len, parts)) == 60
        assert set.union(*parts) == set(range(60))
    assert found.ratio == pytest.approx(0.25)


def test_seeds_deal_anew_and_the_same_seed_deals_the_same() -> None:
    first, again, other = (make_folds(dataset(), 3, (seed,)).every[0].split.test.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_a_given_test_part_stays_closed() -> None:
    found = make_folds(dataset(split=["test" if i < 20 else "train" for i in range(60)]), 4, (0,))
    assert found.closed == 20
    assert all(min(part) >= 20 for f in found.every for part in (f.split.train, f.split.val, f.split.test))


def test_copies_are_on_one_side_of_every_fold() -> None:
    alike = [[0, 3, 8], [10, 11]]
    for fold in make_folds(dataset(), 5, (0, 1), alike=alike).every:
        for members in alike:
            for part in (fold.split.train, fold.split.val, fold.split.test):
                assert len(set(members) & set(part.tolist())) in (0, len(members))


def test_groups_are_on_one_side_of_every_fold() -> None:
    groups = [f"patient {i // 6}" for i in range(60)]
    for fold in make_folds(dataset(group=groups), 3, (0,)).every:
        for part in (fold.split.train, fold.split.val, fold.split.test):
            inside = [groups[i] for i in part]
            assert all(inside.count(name) == 6 for name in set(inside))


def test_with_times_what_is_held_out_is_later_than_what_is_learned_from() -> None:
    times = [float((i * 37) % 60) for i in range(60)]
    found = make_folds(dataset(time=times), 3, (0,))
    for fold in found.every:
        learned = [times[i] for i in (*fold.split.train, *fold.split.val)]
        assert max(learned) < min(times[i] for i in fold.split.test)
    assert "time" in found.how


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(DataError, match="folds"):
        make_folds(dataset(2, split=["test", "train"]), 5, (0,))
