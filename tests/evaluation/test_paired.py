"""Statistics of two contenders on the same folds: by hand, and by simulation."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from warmstart.evaluation.intervals import paired
from warmstart.evaluation.paired import Pair, adjusted, chances, corrected_t, gain, holm, p_value

RATIO = 0.25


def pair(a: np.ndarray, b: np.ndarray, folds: int = 5) -> Pair:
    gap = a.astype(float) - b
    parts = np.array_split(gap, folds)
    sampling = float(np.mean([part.var(ddof=1) / len(part) for part in parts]))
    means = np.array([part.mean() for part in parts])
    return Pair(a.astype(float), b.astype(float), np.arange(len(a)), means, sampling, RATIO)


def test_the_variance_of_the_mean_is_that_of_nadeau_and_bengio_with_what_sampling_explains() -> None:
    differences = [0.01, 0.03, 0.05]
    spread = (4 * 0.0009 + 2 * 0.0004) / 6
    mean, error, freedom = corrected_t(differences, RATIO, 0.0009) or (0.0, 0.0, 0)
    assert mean == pytest.approx(0.03)
    assert freedom == 6
    assert error == pytest.approx(math.sqrt((1 / 3 + 0.25) * spread))
    assert p_value((mean, error, freedom)) == pytest.approx(2 * t.sf(mean / error, 6))


def test_with_one_fold_nothing_is_said_of_other_training_samples() -> None:
    assert corrected_t([0.3], RATIO, 0.01) is None
    alone = Pair(np.ones(4), np.zeros(4), np.arange(4), np.array([1.0]), 0.0, RATIO)
    assert gain("probe", alone).p is None
    assert gain("probe", alone).finding == "no difference that this data can show"


@given(st.floats(-0.2, 0.2), st.floats(0.001, 0.1), st.integers(3, 30))
def test_the_three_chances_are_a_distribution_and_mirror_each_other(mean: float, error: float, freedom: int) -> None:
    above, within, below = chances((mean, error, freedom))
    assert above + within + below == pytest.approx(1)
    assert chances((-mean, error, freedom)) == pytest.approx((below, within, above))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p: list[float]) -> None:
    found = [value for value in holm(p) if value is not None]
    assert all(new >= old for new, old in zip(found, p, strict=True))
    assert all(x <= y for (_, x), (_, y) in zip(*[iter(sorted(zip(p, found, strict=True)))] * 2, strict=False))


def test_holm_by_hand() -> None:
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


@pytest.mark.parametrize(("n", "advantage"), [(120, 0.0), (500, 0.1)])
def test_paired_intervals_hold_the_true_difference_in_95_of_100_cases(n: int, advantage: float) -> None:
    rng, draws, inside = np.random.default_rng(n), 1200, 0
    true = 0.75 + advantage - _expected()
    for i in range(draws):
        easy = rng.random(n)
        a, b = easy < 0.75 + advantage, (easy + 0.12 * rng.normal(size=n)) < 0.75
        found = paired(a, b, i)
        inside += found.low <= true <= found.high
    assert 0.93 <= inside / draws <= 0.97


def _expected() -> float:
    """P(u + 0.12 z < 0.75), u uniform, z normal, exactly enough."""
    from scipy.stats import norm

    u = (np.arange(200_000) + 0.5) / 200_000
    return float(norm.cdf((0.75 - u) / 0.12).mean())


def test_units_of_several_samples_are_drawn_as_a_whole() -> None:
    rng, draws, inside, naive = np.random.default_rng(0), 300, 0, 0
    units = np.repeat(np.arange(40), 8)
    for i in range(draws):
        shift = np.repeat(rng.normal(0, 0.25, 40), 8)  # of a patient: all of its samples have it
        a, b = rng.random(320) < 0.6 + shift, rng.random(320) < 0.6
        found, alone = paired(a, b, i, units), paired(a, b, i)
        inside += found.low <= 0 <= found.high
        naive += alone.low <= 0 <= alone.high
    assert 0.93 <= inside / draws <= 0.985
    assert naive < inside


@pytest.mark.parametrize(
    ("a", "b", "finding"),
    [
        (0.9, 0.6, "better"),
        (0.6, 0.9, "worse"),
        (0.7, 0.69, "no difference that this data can show"),
    ],
)
def test_what_a_difference_comes_to(a: float, b: float, finding: str) -> None:
    rng = np.random.default_rng(0)
    easy = rng.random(200)
    assert gain("probe", pair(easy < a, easy[::-1] < b)).finding == finding


def test_a_small_difference_that_is_known_well_is_as_good() -> None:
    same = np.ones(2000, dtype=bool)
    other = same.copy()
    other[::1000] = False
    assert gain("probe", pair(same, other)).finding == "as good"


def test_many_comparisons_make_a_claim_harder() -> None:
    rng = np.random.default_rng(3)
    easy = rng.random(150)
    one = gain("probe", pair(easy < 0.78, easy < 0.70))
    assert one.finding == "better"
    p = one.p or 0.0
    many = adjusted([dataclasses.replace(one, p=value) for value in [p] + [p * 1.01] * int(0.06 / p)])
    assert {found.finding for found in many} == {"no difference that this data can show"}


def test_the_number_of_samples_that_would_settle_it_is_larger_than_those_at_hand() -> None:
    rng = np.random.default_rng(1)
    found = gain("probe", pair(rng.random(100) < 0.7, rng.random(100) < 0.65))
    assert found.needed is None or found.needed > 100
    assert gain("probe", pair(np.ones(100, bool), np.zeros(100, bool))).needed is None
