import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from warmstart.evaluation.compare import NO_DIFFERENCE, difference, metric_intervals, more_samples
from warmstart.evaluation.intervals import bootstrap, paired, resampled_means, samples_needed
from warmstart.task.classify import CLASSIFY


@given(st.lists(st.floats(0, 1), min_size=1, max_size=80), st.integers(0, 9))
def test_the_value_is_the_mean_and_lies_within_its_interval(values: list[float], seed: int) -> None:
    interval = bootstrap(values, seed=seed)
    assert interval.value == pytest.approx(np.mean(values))
    assert interval.low <= interval.value + 1e-12
    assert interval.high >= interval.value - 1e-12
    assert interval == bootstrap(values, seed=seed)


@pytest.mark.parametrize(("n", "p"), [(60, 0.8), (200, 0.95)])
def test_intervals_of_an_accuracy_hold_the_truth_as_often_as_they_say(n: int, p: float) -> None:
    rng = np.random.default_rng(0)
    held = [i.low <= p <= i.high for i in (bootstrap(rng.random(n) < p, seed=s) for s in range(500))]
    assert 0.92 <= np.mean(held) <= 0.98


def test_intervals_of_a_skewed_mean_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = [i.low <= 1 <= i.high for i in (bootstrap(rng.exponential(size=150), seed=s) for s in range(300))]
    assert 0.92 <= np.mean(held) <= 0.98


def test_intervals_of_a_paired_difference_hold_the_truth_as_often_as_they_say() -> None:
    rng, held = np.random.default_rng(0), []
    for s in range(500):
        a = rng.random(200) < 0.85
        b = np.where(rng.random(200) < 0.8, a, rng.random(200) < 0.7)  # agrees on 80 %, else right for 70 %
        interval = paired(a, b, seed=s)
        held.append(interval.low - 1e-9 <= 0.03 <= interval.high + 1e-9)
    assert 0.92 <= np.mean(held) <= 0.98


def test_drawing_counts_is_the_same_as_drawing_samples() -> None:
    # 50 right of 60: the mean of a resample is binomial
    means = resampled_means([1] * 50 + [0] * 10, resamples=20_000)
    for quantile in (0.1, 0.5, 0.9):
        assert np.quantile(means, quantile) * 60 == pytest.approx(binom.ppf(quantile, 60, 50 / 60), abs=1)


def test_many_distinct_values_are_resampled_in_pieces_of_bounded_size() -> None:
    values = np.random.default_rng(0).normal(size=3000)
    means = resampled_means(values, resamples=1500)  # 1333 resamples fit into a piece
    assert means.shape == (1500,)
    assert means.std() == pytest.approx(values.std() / np.sqrt(3000), rel=0.1)


def test_thirty_right_of_thirty_is_not_certainty() -> None:
    interval = bootstrap(np.ones(30))
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(beta.ppf(0.025, 30, 1))  # Clopper and Pearson
    same = paired(np.ones(30), np.ones(30))
    assert same.low == -same.high < -0.1


def test_a_paired_interval_is_narrower_than_an_unpaired_one() -> None:
    rng = np.random.default_rng(0)
    a = rng.random(400) < 0.7
    b = np.where(rng.random(400) < 0.95, a, ~a)
    together, alone = paired(a, b), paired(a, rng.permutation(b))
    assert together.high - together.low < (alone.high - alone.low) / 2


def test_values_of_different_samples_are_not_paired() -> None:
    with pytest.raises(ValueError, match="same samples"):
        paired([1, 0], [1])
    with pytest.raises(ValueError, match="n > 0"):
        bootstrap([])


def test_the_verdict_is_about_the_first_and_turns_with_the_order() -> None:
    strong, weak = [1] * 90 + [0] * 10, [1] * 60 + [0] * 40
    assert difference("tuned", strong, "probe", weak).verdict == "better"
    assert difference("probe", weak, "tuned", strong).verdict == "worse"
    close = difference("tuned", strong, "probe", [1] * 88 + [0] * 10 + [1] * 2)
    assert close.verdict == NO_DIFFERENCE


def test_the_number_of_samples_asked_for_gives_the_power_promised() -> None:
    # per-sample difference: +1 for 9 %, -1 for 3 %, so mean 0.06 and variance 0.12 - 0.06^2
    needed = samples_needed(0.06, np.sqrt(0.12 - 0.0036))
    assert needed is not None
    rng = np.random.default_rng(0)
    draws = rng.choice([1, -1, 0], p=[0.09, 0.03, 0.88], size=(400, needed))
    shown = np.mean([bootstrap(d, seed=i, bounds=(-1, 1)).low > 0 for i, d in enumerate(draws)])
    assert 0.72 <= shown <= 0.88
    assert samples_needed(0.0, 1.0) is None


def test_more_samples_are_asked_for_only_where_nothing_is_settled() -> None:
    a, b = [1] * 85 + [0] * 15, [1] * 80 + [0] * 14 + [1] * 2 + [0] * 4
    unsettled = difference("a", a, "b", b)
    asked = more_samples(unsettled, 100)
    assert unsettled.verdict == NO_DIFFERENCE
    assert asked is not None
    assert 200 < asked < 2000
    assert more_samples(difference("a", [1] * 100, "b", [1] * 50 + [0] * 50), 100) is None
    assert more_samples(difference("a", a, "a", a), 100) is None


@given(st.integers(2, 8), st.integers(0, 99))
def test_every_metric_of_the_task_gets_an_interval_around_the_same_value(classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outputs, labels = torch.from_numpy(rng.normal(size=(40, classes))), torch.from_numpy(rng.integers(0, classes, 40))
    intervals, values = metric_intervals(CLASSIFY, outputs, labels), CLASSIFY.metrics(outputs, labels)
    assert set(intervals) == set(values)
    for name, interval in intervals.items():
        assert interval.value == pytest.approx(values[name])
        assert interval.low <= interval.value + 1e-9
        assert interval.high >= interval.value - 1e-9
