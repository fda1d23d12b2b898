from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from warmstart.data.futures import Forecast
from warmstart.data.sources.histories import read_histories
from warmstart.data.windows import Asked, windows_of
from warmstart.engine.heads.forecasts import blocks, fit_forecasts
from warmstart.errors import TrainingError
from warmstart.model.backbone import FeatureGroup
from warmstart.task.forecast import Forecasting


def drawn(n: int = 300, horizon: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Contexts and targets of a series that depends on its last values."""
    rng = np.random.default_rng(seed)
    values = np.zeros(n)
    for step in range(2, n):
        values[step] = 1.2 * values[step - 1] - 0.5 * values[step - 2] + rng.normal()
    data = windows_of(read_histories(values), Asked(horizon, 12, 1))
    inputs = np.concatenate([sample.source.values for sample in data.samples])
    scaled = (inputs - inputs.mean(1, keepdims=True)) / inputs.std(1, keepdims=True)
    return torch.from_numpy(scaled).float(), torch.from_numpy(data.targets)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 60), min_size=20, max_size=80), st.integers(1, 6))
def test_what_is_left_out_comes_after_all_that_is_fitted(steps: list[int], horizon: int) -> None:
    origins = torch.tensor(sorted(steps))
    seen: list[int] = []
    for fitted, held in blocks(origins, horizon):
        assert int(origins[fitted].max()) + horizon <= int(origins[held].min())
        seen += held.tolist()
    assert seen == [] or seen == list(range(seen[0], len(steps)))


def test_the_weights_are_those_of_ridge_regression() -> None:
    x, targets = drawn()
    fitted = fit_forecasts(x, targets, Forecasting((0.5,)))
    mean, std = x.double().mean(0), x.double().std(0, correction=0)
    other = Ridge(alpha=fitted.choice["penalty"]).fit(((x - mean) / std).numpy(), Forecast.of(targets).values.numpy())
    found = fitted.linear()
    assert found is not None
    np.testing.assert_allclose(found[0].numpy(), other.coef_, rtol=1e-3, atol=1e-5)


def test_it_is_better_than_the_last_value_and_its_intervals_hold_on_what_comes_later() -> None:
    x, targets = drawn(900)
    task, past, later = Forecasting(), slice(0, 600), slice(604, None)
    fitted = fit_forecasts(x[past], targets[past], task)
    found = task.metrics(fitted.logits(x[later]), targets[later])
    assert found["skill"] > 0.1
    assert found["coverage_80"] == pytest.approx(0.8, abs=0.06)
    assert fitted.choice["left_out"] == "4 stretches of time"
    answered = slice(300, 600)
    told = task.metrics(fitted.cv_outputs[answered], targets[answered])
    assert told["sql"] == pytest.approx(found["sql"], rel=0.15), "left-out answers say how good it is"


def test_noise_on_the_features_is_given_no_weight() -> None:
    _, targets = drawn(200)
    noise = torch.randn(len(targets), 40, generator=torch.Generator().manual_seed(0))
    fitted = fit_forecasts(noise, targets, Forecasting((0.5,)))
    found = fitted.linear()
    assert found is not None
    assert float(found[0].abs().max()) < 0.1


def test_few_windows_are_left_out_one_by_one() -> None:
    x, targets = drawn(26)
    assert fit_forecasts(x, targets, Forecasting()).choice["left_out"] == "one window"


def test_windows_with_a_hole_are_left_out_of_the_fit_and_too_few_are_refused() -> None:
    x, targets = drawn(120)
    holes = targets.clone()
    holes[::2, 1] = torch.nan
    whole = fit_forecasts(x[1::2], targets[1::2], Forecasting((0.5,)))
    some = fit_forecasts(x, holes, Forecasting((0.5,)))
    torch.testing.assert_close(some.logits(x), whole.logits(x))
    holes[2:] = torch.nan
    with pytest.raises(TrainingError, match="training windows"):
        fit_forecasts(x, holes, Forecasting())


def test_features_that_say_nothing_are_left_out_and_those_that_tell_are_used() -> None:
    x, targets = drawn(400)
    noise = torch.randn(len(x), 30, generator=torch.Generator().manual_seed(0))
    task, groups = Forecasting(), (FeatureGroup("context", 0, 12), FeatureGroup("features", 12, 42))
    alone = fit_forecasts(x, targets, task)
    with_noise = fit_forecasts(torch.cat([x, noise], 1), targets, task, groups=groups)
    assert with_noise.choice["features"] == 0
    torch.testing.assert_close(with_noise.logits(torch.cat([x, noise], 1)), alone.logits(x), rtol=1e-3, atol=1e-3)
    told = Forecast.of(targets).values[:, :1].expand(-1, 30) + 0.1 * noise
    knowing = fit_forecasts(torch.cat([x, told], 1), targets, task, groups=groups)
    assert knowing.choice["features"] > 0
    assert knowing.choice["error"] < alone.choice["error"]
