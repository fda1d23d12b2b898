"""The distance to a bank, and the threshold that known samples seldom pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from warmstart.evaluation.unknowns import FALSE_ALARMS, NEIGHBOUR, Bank


def at(*degrees: float) -> torch.Tensor:
    angles = torch.tensor(degrees).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], 1)


def test_the_distance_is_the_chord_to_the_fifth_nearest_at_length_one() -> None:
    bank = Bank.of(at(0, 10, 20, 30, 40, 90))
    assert NEIGHBOUR == 5
    chords = [2 * math.sin(math.radians(angle) / 2) for angle in (40, 60)]
    assert bank.distances(7 * at(0, -20)).tolist() == pytest.approx(chords, abs=1e-3)  # the bank is in half precision


def test_with_fewer_samples_than_that_it_is_the_furthest() -> None:
    assert Bank.of(at(0, 60)).distances(at(0)).tolist() == pytest.approx([1.0], abs=1e-3)


@pytest.mark.parametrize(("n", "last"), [(19, 19), (39, 38), (100, 96), (5, 5)])
def test_the_threshold_is_the_distance_of_one_of_the_known_samples(n: int, last: int) -> None:
    known = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))
    assert Bank.of(at(0)).limited(known).threshold == last  # ceil(0.95 (n + 1)), or the furthest where these are few


def test_new_samples_like_the_known_ones_are_seldom_called_unknown_and_others_are() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(3, 64, generator=generator)

    def like(n: int) -> torch.Tensor:
        return centres[torch.arange(n) % 3] + torch.randn(n, 64, generator=generator)

    bank = Bank.of(like(300))
    bank = bank.limited(bank.distances(like(200)))
    alarms = (bank.distances(like(1000)) > bank.threshold).mean()
    assert 0.01 < alarms < 2.5 * FALSE_ALARMS
    assert (bank.distances(torch.randn(200, 64, generator=generator)) > bank.threshold).mean() > 0.9
