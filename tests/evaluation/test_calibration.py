import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from warmstart.evaluation.calibration import cautious_temperature, fit_temperature, reliability


def sampled(n: int, classes: int, sharpness: float, seed: int) -> tuple[Tensor, Tensor]:
    """Logits whose true temperature is `sharpness`: labels are drawn from softmax(logits / sharpness)."""
    generator = torch.Generator().manual_seed(seed)
    honest = torch.randn(n, classes, generator=generator, dtype=torch.float64) * 2
    labels = torch.multinomial(honest.softmax(1), 1, generator=generator)[:, 0]
    return honest * sharpness, labels


@pytest.mark.parametrize("true", [0.05, 0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(true: float) -> None:
    logits, labels = sampled(20_000, 4, true, seed=3)
    assert fit_temperature(logits, labels) == pytest.approx(true, rel=0.05)


@given(st.integers(2, 6), st.integers(1, 40), st.integers(0, 999), st.floats(0.01, 30))
def test_calibration_is_never_worse_than_leaving_the_logits_alone(n: int, m: int, seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(m, n, generator=generator, dtype=torch.float64) * scale
    labels = torch.randint(n, (m,), generator=generator)
    temperature = fit_temperature(logits, labels)
    before, after = (functional.cross_entropy(logits / t, labels) for t in (1.0, temperature))
    assert float(after) <= float(before) + 1e-12


def test_no_other_temperature_is_better() -> None:
    logits, labels = sampled(300, 3, 2.0, seed=0)
    best = fit_temperature(logits, labels)
    at_best = float(functional.cross_entropy(logits / best, labels))
    grid = [float(functional.cross_entropy(logits / t, labels)) for t in np.geomspace(0.05, 20, 200)]
    assert at_best <= min(grid)


def test_ten_right_answers_do_not_make_it_certain() -> None:
    logits, labels = 3 * torch.eye(5).repeat(2, 1), torch.arange(5).repeat(2)
    surest = float((logits / fit_temperature(logits, labels)).softmax(1).max())
    assert surest < 0.99


def test_without_labels_the_logits_are_left_alone() -> None:
    assert fit_temperature(torch.randn(3, 2), torch.full((3,), -1)) == 1.0


@given(st.integers(1, 100), st.integers(0, 999))
def test_every_sample_is_in_the_bin_of_its_confidence(n: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits, labels = 4 * torch.randn(n, 3, generator=generator), torch.randint(3, (n,), generator=generator)
    shown = reliability(logits, labels)
    assert sum(shown.count) == n
    for low, high, mean, count in zip(shown.edges, shown.edges[1:], shown.confidence, shown.count, strict=False):
        assert count == 0 or low <= mean <= high
    assert 0 <= shown.ece <= 1


def test_the_error_is_zero_when_confidence_is_right_and_large_when_it_is_not() -> None:
    half = torch.zeros(10, 2)
    assert reliability(half, torch.tensor([0, 1] * 5)).ece == pytest.approx(0)
    sure = torch.tensor([[20.0, 0.0]] * 10)
    assert reliability(sure, torch.tensor([0, 1] * 5)).ece == pytest.approx(0.5, abs=1e-6)


def test_the_temperature_lowers_the_calibration_error() -> None:
    logits, labels = sampled(5000, 4, 3.0, seed=1)
    before = reliability(logits, labels)
    after = reliability(logits, labels, temperature=fit_temperature(logits, labels))
    assert after.ece < before.ece / 3


def test_with_few_samples_the_cautious_temperature_serves_the_rest_better() -> None:
    """Logits that are calibrated as they are: what 20 samples say of the temperature is mostly chance."""
    generator = torch.Generator().manual_seed(0)
    excess: dict[str, float] = {"fitted": 0.0, "cautious": 0.0}
    for _ in range(30):
        logits = 2 * torch.randn(2020, 5, generator=generator)
        labels = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
        few, rest = (logits[:20], labels[:20]), (logits[20:], labels[20:])
        for name, fit in (("fitted", fit_temperature), ("cautious", cautious_temperature)):
            excess[name] += float(functional.cross_entropy(rest[0] / fit(*few), rest[1]))
    assert excess["cautious"] < excess["fitted"]


def test_with_many_samples_the_cautious_temperature_is_the_fitted_one() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = 6 * torch.randn(5000, 5, generator=generator)
    labels = torch.multinomial((logits / 3).softmax(1), 1, generator=generator).squeeze(1)
    assert cautious_temperature(logits, labels) == pytest.approx(fit_temperature(logits, labels), rel=0.02)
