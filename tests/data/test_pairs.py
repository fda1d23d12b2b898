"""Batches that hold at least two samples of each class that they hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.data.pairs import paired_order
from warmstart.planning.compile import steps_per_epoch


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=80), st.integers(4, 40), st.integers(0, 99), st.integers(0, 5))
def test_every_sample_is_there_once_and_none_of_several_is_alone(
    classes: list[int], batch_size: int, seed: int, epoch: int
) -> None:
    labels = np.array(classes)
    size = min(batch_size, len(labels))
    batches = paired_order(labels, steps_per_epoch(len(labels), size), seed, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(labels)))
    for batch in batches:
        assert 0 < len(batch) <= size + 3
        for label in set(labels[batch].tolist()) - {-1}:
            assert (labels[batch] == label).sum() >= 2 or (labels == label).sum() == 1


@pytest.mark.parametrize(("seed", "epoch"), [(0, 1), (1, 0)])
def test_the_order_is_that_of_seed_and_epoch(seed: int, epoch: int) -> None:
    labels = np.arange(40) % 5
    first, again = paired_order(labels, 3, 0, 0), paired_order(labels, 3, 0, 0)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    other = paired_order(labels, 3, seed, epoch)
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
