"""Episodes: which samples make one, and which classes nothing is learned from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.data.episodes import Episode, divided_classes, episode_order, set_numbers, usable_classes
from warmstart.errors import DataError

ONE_SET = np.zeros(40, dtype=np.int64)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=4, max_size=12),
    ways=st.integers(2, 3),
    shots=st.integers(1, 2),
    queries=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_an_episode_has_its_classes_in_order_and_no_sample_twice(
    sizes: list[int], ways: int, shots: int, queries: int, seed: int
) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    episode = Episode(ways, shots, queries)
    if sum(size >= episode.each for size in sizes) < ways:
        with pytest.raises(DataError, match="no"):
            episode_order(labels, ONE_SET, episode, episodes=1, at_once=1, seed=seed, epoch=0)
        return
    order = episode_order(labels, ONE_SET, episode, episodes=5, at_once=2, seed=seed, epoch=0)
    assert [len(batch) for batch in order] == [2 * episode.samples, 2 * episode.samples, episode.samples]
    for task in np.concatenate(order).reshape(5, ways, episode.each):
        assert len(np.unique(task)) == episode.samples
        classes = labels[task]
        assert (classes == classes[:, :1]).all()
        assert len(np.unique(classes[:, 0])) == ways


def test_episodes_follow_from_seed_and_epoch() -> None:
    labels = np.repeat(np.arange(8), 6)
    how = {"episodes": 4, "at_once": 4}
    one, same = (episode_order(labels, ONE_SET, Episode(3, 1, 2), **how, seed=1, epoch=0)[0] for _ in "ab")
    other = episode_order(labels, ONE_SET, Episode(3, 1, 2), **how, seed=1, epoch=1)[0]
    assert (one == same).all()
    assert (one != other).any()


def test_an_episode_is_of_one_set() -> None:
    sets = set_numbers(("a/1", "a/2", "b/1", "b/2", "c/1"))
    labels = np.repeat(np.arange(5), 4)
    assert usable_classes(labels, sets, Episode(2, 1, 1)).tolist() == [0, 1, 2, 3]
    for batch in episode_order(labels, sets, Episode(2, 1, 1), episodes=20, at_once=1, seed=0, epoch=0):
        assert len(np.unique(sets[labels[batch]])) == 1


@given(classes=st.integers(6, 40), share=st.floats(0, 0.9), seed=st.integers(0, 9))
def test_no_class_is_in_two_parts_and_each_part_suffices(classes: int, share: float, seed: int) -> None:
    labels = np.repeat(np.arange(classes), 3)
    split, left_out = divided_classes(labels, ONE_SET, Episode(2, 1, 2), val=share, test=share, seed=seed)
    parts = [set(labels[part].tolist()) for part in (split.train, split.val, split.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == classes
    assert min(map(len, parts)) >= 2
    assert not left_out


def test_classes_with_too_few_samples_are_left_out_and_counted() -> None:
    labels = np.concatenate([np.repeat(np.arange(9), 4), [9, 9, 10]])
    split, left_out = divided_classes(labels, ONE_SET, Episode(2, 2, 2), val=0.2, test=0.2, seed=0)
    assert left_out == "2 of 11 classes are left out: episodes take 4 samples of each"
    assert max(labels[np.concatenate([split.train, split.val, split.test])]) == 8


def test_too_few_classes_are_an_error_before_any_time_is_spent() -> None:
    labels = np.repeat(np.arange(8), 4)
    with pytest.raises(DataError) as caught:
        divided_classes(labels, ONE_SET, Episode(3, 1, 3), val=0.2, test=0.2, seed=0)
    assert caught.value.found == "8 classes with at least 4 samples each"
    assert "at least 9" in caught.value.expected


def test_of_three_sets_whole_ones_are_held_out() -> None:
    sets = np.repeat(np.arange(4), 3)
    labels = np.repeat(np.arange(12), 4)
    split, _ = divided_classes(labels, sets, Episode(3, 1, 2), val=0.2, test=0.2, seed=3)
    parts = [set(sets[labels[part]].tolist()) for part in (split.train, split.val, split.test)]
    assert [len(part) for part in parts] == [2, 1, 1]
    assert len(set.union(*parts)) == 4
    assert split.how.startswith("sets")
