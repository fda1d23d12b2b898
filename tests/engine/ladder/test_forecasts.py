from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aeon.datasets import load_airline
from aeon.forecasting.stats import Theta
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.data.futures import FloatArray, ForecastTarget
from warmstart.engine.ladder.forecasts import naive, seasonal
from warmstart.engine.ladder.theta import season_pattern, theta_quantiles

LEVELS = (0.1, 0.5, 0.9)


def airline() -> np.ndarray:
    return np.asarray(load_airline(), dtype=np.float64)


def test_without_a_season_it_is_the_theta_of_aeon() -> None:
    values = np.random.default_rng(0).normal(size=80).cumsum()
    model: Any = Theta
    theirs = model().fit(values).iterative_forecast(values, 6)
    np.testing.assert_allclose(theta_quantiles(values, 6, 1, LEVELS)[:, 1], theirs)


def test_on_the_airline_data_theta_is_better_than_the_last_year_again() -> None:
    values, target = airline(), ForecastTarget(12, 36, 12, LEVELS)
    forecasts: dict[str, Callable[[FloatArray], FloatArray]] = {
        "theta": lambda past: theta_quantiles(past, 12, 12, LEVELS),
        "seasonal": lambda past: seasonal(past, target),
        "naive": lambda past: naive(past, target),
    }
    errors = {
        name: np.mean([abs(values[at : at + 12] - of(values[:at])[:, 1]).mean() for at in range(108, 133, 6)])
        for name, of in forecasts.items()
    }
    assert errors["theta"] < errors["seasonal"] < errors["naive"]


def test_the_pattern_of_a_season_is_recovered() -> None:
    pattern = np.array([0.5, 1.5, 1.2, 0.8])
    found, factor = season_pattern((100 + np.arange(80)) * np.tile(pattern, 20), 4)
    assert factor
    np.testing.assert_allclose(found, pattern, rtol=0.01)
    found, factor = season_pattern(np.tile([-3.0, 3.0], 40), 2)
    assert not factor
    np.testing.assert_allclose(found, [-3, 3], atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 8), st.integers(0, 99), st.booleans())
def test_quantiles_are_finite_and_in_order_whatever_the_past(
    n: int, horizon: int, season: int, seed: int, flat: bool
) -> None:
    past = np.zeros(n) if flat else np.random.default_rng(seed).normal(size=n)
    target = ForecastTarget(horizon, 2, season, LEVELS)
    for said in (naive(past, target), seasonal(past, target), theta_quantiles(past, horizon, season, LEVELS)):
        assert said.shape == (horizon, 3)
        assert np.isfinite(said).all()
        assert (np.diff(said, axis=1) >= -1e-9).all()


@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_the_unit_of_the_values_does_not_matter(factor: float) -> None:
    values = airline()
    one, other = (theta_quantiles(each, 12, 12, LEVELS) for each in (values, factor * values))
    np.testing.assert_allclose(other / factor, one, rtol=1e-6)
