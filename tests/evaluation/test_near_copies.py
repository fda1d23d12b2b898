"""Near copies by features: found where there are some, and not where there are none."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from warmstart.evaluation.near_copies import ENOUGH, near_copies


@pytest.mark.parametrize("dimension", [4, 16, 64])
def test_chance_finds_as_few_as_it_says(dimension: int) -> None:
    """0.1 in a set by design; 1 on average is allowed for what the formula leaves out."""
    rng = np.random.default_rng(dimension)
    found = [len(near_copies(*rng.normal(size=(2, 300, dimension)))) for _ in range(20)]
    assert np.mean(found) < 1


@pytest.mark.parametrize("spread", [1.0, 0.01])
def test_copies_are_found_at_any_density(spread: float) -> None:
    """What is near for one kind of picture is far for another: tight classes do not hide a copy, nor become one."""
    rng = np.random.default_rng(0)
    centres = 3 * rng.normal(size=(5, 32))
    known = centres[np.arange(400) % 5] + spread * rng.normal(size=(400, 32))
    asked = centres[np.arange(100) % 5] + spread * rng.normal(size=(100, 32))
    asked[:10] = known[50:60] + 0.05 * spread * rng.normal(size=(10, 32))
    assert near_copies(known, asked) == [(50 + i, i) for i in range(10)]


def test_copies_among_what_was_learned_from_hide_none_and_make_none() -> None:
    rng = np.random.default_rng(1)
    known = rng.normal(size=(400, 16))
    known[100:200] = known[:100] + 0.001 * rng.normal(size=(100, 16))
    asked = rng.normal(size=(100, 16))
    asked[3] = known[5]
    found = near_copies(known, asked)
    assert [held for _, held in found] == [3]
    assert found[0][0] in (5, 105)


def test_nothing_is_said_of_what_cannot_be_judged() -> None:
    few = np.random.default_rng(0).normal(size=(ENOUGH - 1, 8))
    assert near_copies(few, few) == []
    assert near_copies(np.ones((100, 8)), np.ones((5, 8))) == []
    assert near_copies(np.zeros((100, 8)), np.zeros((5, 8))) == []
    assert near_copies(np.random.default_rng(0).normal(size=(100, 8)), np.empty((0, 8))) == []


def test_what_it_takes_does_not_grow_with_the_square_of_the_samples() -> None:
    rng = np.random.default_rng(0)
    known, asked = rng.normal(size=(20_000, 8)).astype(np.float32), rng.normal(size=(400, 8)).astype(np.float32)
    tracemalloc.start()
    near_copies(known, asked)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6, "all similarities at once take 128 MB, and as much again to be sorted"
