from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from warmstart.data.futures import Forecast, ForecastTarget, Window, naive_quantiles, pinball
from warmstart.data.sources.histories import read_histories
from warmstart.data.windows import Asked, windows_of
from warmstart.engine.ladder.forecasts import in_units, seasonal
from warmstart.task.base import task_of
from warmstart.task.forecast import Forecasting

LEVELS = (0.1, 0.5, 0.9)


def drawn(seed: int, n: int = 60, horizon: int = 3, season: int = 4, shift: float = 0.0) -> tuple[torch.Tensor, ...]:
    """Windows of a noisy wave: what was said of them at random, and their targets."""
    rng = np.random.default_rng(seed)
    values = shift + 5 * np.sin(np.arange(n) * 2 * np.pi / season) + rng.normal(size=n)
    data = windows_of(read_histories(values), Asked(horizon, 2 * season, season))
    targets = torch.from_numpy(data.targets).double()
    said = torch.from_numpy(rng.exponential(size=(len(data), horizon, 9)).cumsum(-1) - 5).flatten(1)
    return said, targets


@given(st.integers(0, 99), st.floats(-50, 50))
def test_metrics_are_those_of_their_definitions(seed: int, shift: float) -> None:
    said, targets = drawn(seed, shift=shift)
    told, task = Forecast.of(targets), Forecasting()
    found = task.metrics(said, targets)
    truth = (told.base + told.scale[:, None] * told.values).numpy()
    quantiles = (told.base[..., None] + told.scale[:, None, None] * said.reshape(len(said), -1, 9)).numpy()
    median, unit = quantiles[..., 4], told.unit.numpy()
    assert found["mase"] == pytest.approx((np.abs(truth - median).mean(1) / unit).mean())
    assert found["smape"] == pytest.approx((2 * np.abs(truth - median) / (np.abs(truth) + np.abs(median))).mean())
    pairs = [(q, quantiles[..., k].ravel()) for k, q in enumerate(task.levels)]
    losses = [2 * mean_pinball_loss(truth.ravel(), each, alpha=q) for q, each in pairs]
    assert found["wql"] == pytest.approx(np.mean(losses) / np.abs(truth).mean())
    assert found["coverage_80"] == pytest.approx(((truth >= quantiles[..., 0]) & (truth <= quantiles[..., -1])).mean())


@given(st.integers(0, 99), st.integers(1, 5), st.integers(1, 6))
def test_the_seasonal_naive_forecast_has_no_skill_and_the_truth_all(seed: int, horizon: int, season: int) -> None:
    values = np.random.default_rng(seed).normal(size=50).cumsum()
    data = windows_of(read_histories(values), Asked(horizon, 10, season))
    target, targets = data.target, torch.from_numpy(data.targets).double()
    assert isinstance(target, ForecastTarget)
    said = np.array([seasonal(sample.source.past, target) for sample in data.samples])
    task = task_of(target)
    assert task.metrics(in_units(torch.from_numpy(said), targets), targets)["skill"] == pytest.approx(0, abs=1e-4)
    perfect = Forecast.of(targets).values[:, :, None].expand(-1, -1, 9).flatten(1)
    found = task.metrics(perfect, targets)
    assert (found["skill"], found["mase"], found["wql"]) == pytest.approx((1, 0, 0), abs=1e-6)


def test_steps_whose_value_is_not_known_do_not_count() -> None:
    said, targets = drawn(0)
    task, holes = Forecasting(), targets.clone()
    holes[:, 1] = torch.nan
    others = said.reshape(len(said), -1, 9).clone()
    others[:, 1] = 1e6
    assert task.metrics(others.flatten(1), holes) == pytest.approx(task.metrics(said, holes))
    assert task.weight(holes) == task.weight(targets) * 2 / 3
    torch.testing.assert_close(task.loss(others.flatten(1), holes), task.loss(said, holes))


@given(st.integers(0, 99))
def test_quantiles_never_cross_and_order_costs_nothing(seed: int) -> None:
    make = torch.Generator().manual_seed(seed)
    said, (_, targets) = torch.randn(52, 27, generator=make).double(), drawn(seed)
    task = Forecasting()
    ordered = task.quantiles(said)
    assert bool((ordered.diff(dim=-1) >= 0).all())
    truth = Forecast.of(targets).values.numpy()[: len(said)]
    crossed = pinball(said.reshape(len(said), -1, 9).numpy()[: len(truth)], truth[..., None], task.levels).mean()
    assert pinball(ordered.numpy()[: len(truth)], truth[..., None], task.levels).mean() <= crossed + 1e-12


def test_answers_are_in_the_unit_of_the_user_and_quantiles_of_several_networks_are_averaged() -> None:
    past = np.array([10.0, 20.0, 12.0, 22.0])
    target, window = ForecastTarget(2, 4, 2, LEVELS), Window(past[None], past=past, ahead=("mon", "tue"))
    task = task_of(target)
    assert isinstance(task, Forecasting)
    low, high = torch.zeros(1, 6), torch.full((1, 6), 2.0)
    (row,) = task.decode(task.combine([low, high]), target, [window])
    spread = past.std()
    assert row["forecast"] == pytest.approx([12 + spread, 22 + spread])
    assert row["times"] == ["mon", "tue"]
    assert list(row["quantiles"]) == ["0.1", "0.5", "0.9"]


def test_no_rows_make_no_rows() -> None:
    none = torch.empty(0, 18)
    assert Forecasting().combine([none, none]).shape == (0, 18)
    assert Forecasting().quantiles(none).shape == (0, 2, 9)


def test_a_series_of_zeros_is_measured_without_dividing_by_nothing() -> None:
    data = windows_of(read_histories(np.zeros(40)), Asked(3, 6, 1))
    targets = torch.from_numpy(data.targets)
    found = task_of(data.target).metrics(torch.zeros(len(targets), 27), targets)
    assert all(np.isfinite(value) for value in found.values())
    assert found["mase"] == found["smape"] == 0
    assert "wql" not in found, "there is nothing to weigh by"


def test_intervals_of_the_naive_forecast_hold_what_they_promise() -> None:
    rng, held = np.random.default_rng(0), []
    for _ in range(300):
        walk = rng.normal(size=205).cumsum()
        base, spread = naive_quantiles(walk[:200], 5, 1, LEVELS)
        held.append((walk[200:] >= base + spread[:, 0]) & (walk[200:] <= base + spread[:, 2]))
    assert np.mean(held) == pytest.approx(0.8, abs=0.05)


def test_a_target_is_read_back_from_a_manifest_and_nothing_else_is() -> None:
    target = ForecastTarget(4, 8, 2, LEVELS, "as asked")
    assert ForecastTarget.from_dict(target.to_dict()) == target
    for wrong in ({}, {**target.to_dict(), "horizon": 0}, {**target.to_dict(), "quantiles": [2.0]}):
        with pytest.raises(ValueError, match="no target of forecasts"):
            ForecastTarget.from_dict(wrong)
