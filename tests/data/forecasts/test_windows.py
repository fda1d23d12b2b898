"""Windows and their parts: nothing that is said before an origin depends on what comes after it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.data.clock import Clock
from warmstart.data.futures import Forecast, ForecastTarget, seasonal_error
from warmstart.data.history import Histories, History
from warmstart.data.origins import by_origin, forward, origins
from warmstart.data.schema import Dataset
from warmstart.data.sources.ahead import forecast_inputs
from warmstart.data.sources.histories import read_histories
from warmstart.data.split import split
from warmstart.data.targets import parts_of
from warmstart.data.windows import Asked, season_of, windows_of
from warmstart.engine.trials.folds import make_folds
from warmstart.errors import DataError

Lengths = st.lists(st.integers(60, 90), min_size=1, max_size=3)


def series(lengths: list[int], seed: int = 0) -> Histories:
    """Noisy waves that begin and end at different times."""
    rng = np.random.default_rng(seed)
    every = [
        History(f"s{i}", np.sin(np.arange(n) / 2) + rng.normal(size=n), int(rng.integers(0, 9)))
        for i, n in enumerate(lengths)
    ]
    return Histories(tuple(every), Clock())


def futures(dataset: Dataset, indices: np.ndarray) -> tuple[int, int]:
    """The first and the last step that lie in the futures of some windows."""
    steps, target = origins(dataset)[indices], dataset.target
    assert isinstance(target, ForecastTarget)
    return int(steps.min()), int(steps.max()) + target.horizon - 1


@settings(deadline=None, max_examples=30)
@given(Lengths, st.integers(1, 6), st.floats(0.1, 0.3), st.floats(0.1, 0.3), st.integers(0, 9))
def test_no_future_of_a_part_reaches_into_a_later_part(
    lengths: list[int], horizon: int, val: float, test: float, seed: int
) -> None:
    dataset = windows_of(series(lengths, seed), Asked(horizon, 8, 3, val, test))
    parts = split(dataset, val=val, test=test)
    train, between, last = (futures(dataset, part) for part in (parts.train, parts.val, parts.test))
    assert train[1] < between[0]
    assert between[1] < last[0]
    assert last[1] == origins(dataset).max() + horizon - 1, "the test goes to the end"


@settings(deadline=None, max_examples=20)
@given(Lengths, st.integers(1, 5), st.integers(2, 4), st.integers(0, 9))
def test_folds_go_forward_and_learn_nothing_of_what_they_hold_out(
    lengths: list[int], horizon: int, k: int, seed: int
) -> None:
    dataset = windows_of(series(lengths, seed), Asked(horizon, 6, 3, folds=k))
    held = []
    for fold in make_folds(dataset, k, (0,)).every:
        parts = fold.split
        assert futures(dataset, parts.train)[1] < futures(dataset, parts.val)[0]
        assert futures(dataset, parts.val)[1] < futures(dataset, parts.test)[0]
        held += parts.test.tolist()
    assert len(held) == len(set(held))


@settings(deadline=None, max_examples=25)
@given(st.integers(40, 70), st.integers(1, 6), st.integers(1, 7), st.integers(0, 9))
def test_what_is_known_of_a_window_does_not_depend_on_what_comes_after_it(
    n: int, horizon: int, season: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n).cumsum()
    whole = windows_of(read_histories(values), Asked(horizon, 8, season))
    at = int(rng.integers(0, len(whole)))
    step = origins(whole)[at]
    other = values.copy()
    other[step:] = rng.normal(size=n - step) * 100
    changed = windows_of(read_histories(other), Asked(horizon, 8, season))
    same = [dataset.target.encode([dataset.samples[at].label]) for dataset in (whole, changed)]
    (one, two) = (Forecast.of(rows) for rows in same)
    for name in ("base", "scale", "unit", "origin"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(whole.samples[at].source.values, changed.samples[at].source.values)
    np.testing.assert_array_equal(whole.samples[at].source.past, values[:step])


@settings(deadline=None, max_examples=20)
@given(st.floats(0.1, 0.3), st.floats(0.1, 0.3), st.integers(1, 6), st.integers(0, 9))
def test_season_and_context_are_found_in_what_is_learned_from_alone(
    val: float, test: float, horizon: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = np.tile([3.0, 0, 1, 5, 1], 30) + 0.1 * rng.normal(size=150)
    asked = Asked(horizon, val=val, test=test)
    dataset = windows_of(read_histories(values), asked)
    first_val = futures(dataset, by_origin(dataset, val=val, test=test).val)[0]
    values[first_val:] = np.tile([0.0, 9.0, 2.0], 50)[: 150 - first_val]
    changed = windows_of(read_histories(values), asked)
    assert changed.target == dataset.target
    assert isinstance(dataset.target, ForecastTarget)
    assert dataset.target.season == 5


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 8), st.floats(-1e3, 1e3), st.floats(0.01, 1e4), st.integers(0, 99))
def test_what_the_network_is_given_does_not_depend_on_the_unit(
    season: int, shift: float, factor: float, seed: int
) -> None:
    values = np.random.default_rng(seed).normal(size=40).cumsum()
    rows = []
    for each in (values, factor * (shift + values)):
        dataset = windows_of(read_histories(each), Asked(3, 10, season))
        rows.append(Forecast.of(dataset.targets))
    np.testing.assert_allclose(rows[1].values, rows[0].values, rtol=1e-4, atol=1e-4)


def test_the_season_is_that_of_the_stamps_or_found_or_none() -> None:
    wave = np.sin(2 * np.pi * np.arange(200) / 8) + 0.2 * np.random.default_rng(0).normal(size=200)
    assert season_of(read_histories(wave), Asked(4))[0] == 8
    walk = np.random.default_rng(1).normal(size=200)
    assert season_of(read_histories(walk), Asked(4)) == (1, "none is seen in the autocorrelation")
    monthly = Histories((History("a", wave),), Clock("MS", "2000-01-01"))
    assert season_of(monthly, Asked(4))[0] == 12


def test_test_origins_lie_a_horizon_apart_where_there_are_enough() -> None:
    many = windows_of(read_histories(np.random.default_rng(0).normal(size=(8, 120))), Asked(6, 12, 1))
    steps = np.unique(origins(many)[by_origin(many).test])
    assert set(np.diff(steps)) == {6}
    few = windows_of(read_histories(np.random.default_rng(0).normal(size=120)), Asked(6, 12, 1))
    assert set(np.diff(np.unique(origins(few)[by_origin(few).test]))) == {1}


def test_missing_futures_are_marked_and_windows_without_any_are_left_out() -> None:
    values = np.arange(40.0)
    values[30] = np.nan
    data = windows_of(read_histories(values), Asked(2, 5, 1))
    by_step = {int(sample.time or 0): sample for sample in data.samples}
    assert by_step[29].label is not None
    first, second, *_ = parts_of(by_step[29].label)
    assert first == 29.0
    assert np.isnan(second)
    values[30:32] = np.nan
    data = windows_of(read_histories(values), Asked(2, 5, 1))
    assert 30 not in origins(data)
    assert any("left out" in note for note in data.notes)


@pytest.mark.parametrize(
    ("values", "asked", "said"),
    [
        (np.arange(10.0), Asked(12, 4, 1), "horizon of 12"),
        (np.arange(20.0), Asked(8, 4, 1), "20 steps of time"),
    ],
)
def test_too_little_for_the_horizon_is_said_with_what_it_would_take(
    values: np.ndarray, asked: Asked, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        split(windows_of(read_histories(values), asked))


@pytest.mark.parametrize("wrong", [{"horizon": 0}, {"horizon": 3, "context": 1}, {"horizon": 3, "season": 0}])
def test_what_is_no_number_of_steps_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(DataError, match="at least"):
        Asked(**wrong)


def test_folds_that_cannot_be_had_are_refused() -> None:
    with pytest.raises(DataError, match="folds"):
        forward(windows_of(read_histories(np.arange(30.0)), Asked(5, 10, 1)), 5, val=0.2)


def test_a_constant_series_has_finite_units_and_is_named() -> None:
    data = windows_of(read_histories(np.full(40, 7.0)), Asked(3, 6, 1))
    told = Forecast.of(data.targets)
    assert set(told.scale) == set(told.unit) == {1.0}
    assert not told.values.any()
    assert any("constant" in note for note in data.notes)
    assert seasonal_error(np.zeros(9), 4) == 1.0


def test_the_end_of_a_short_series_is_answered_for_with_missing_values_before_it() -> None:
    target = ForecastTarget(2, 6)
    short, empty = forecast_inputs(target, [np.array([1.0, 2.0]), np.array([np.nan, 5.0, 5.0])])
    np.testing.assert_array_equal(short.source.values, [[np.nan] * 4 + [1.0, 2.0]])
    assert empty.source.step == 3
