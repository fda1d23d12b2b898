"""Distances from normal samples: what is left out is left out exactly, and false alarms are as rare as is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf, ledoit_wolf_shrinkage
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from torch import Tensor

from warmstart.engine.heads.anomaly import NEIGHBOURS, distances, fit_anomaly, mahalanobis, neighbours
from warmstart.errors import TrainingError
from warmstart.model.backbone import FeatureGroup
from warmstart.model.head import build_head


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    """Centred rows (n, d) of dependent columns."""
    make = torch.Generator().manual_seed(seed)
    mixed = torch.randn(n, d, generator=make).double() @ torch.randn(d, d, generator=make).double()
    return mixed - mixed.mean(0)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits as (features, whether each is no zero)."""
    found = load_digits()
    return torch.tensor(found.data, dtype=torch.float32), torch.tensor(found.target != 0).long()


@pytest.mark.parametrize(("n", "d"), [(60, 5), (20, 40)])
def test_mahalanobis_is_that_of_scikit_learn(n: int, d: int) -> None:
    rows = normal(n, d)
    head, _ = mahalanobis(rows, 0.01)
    expected = np.sqrt(LedoitWolf(assume_centered=True).fit(rows.numpy()).mahalanobis(rows.numpy()))
    np.testing.assert_allclose(head.distance(rows.float()).numpy(), expected, rtol=1e-3)


@pytest.mark.parametrize(("n", "d"), [(60, 5), (20, 40)])
def test_a_sample_that_is_left_out_has_no_part_in_mean_and_covariance(n: int, d: int) -> None:
    rows = normal(n, d)
    share = ledoit_wolf_shrinkage(rows.numpy(), assume_centered=True)
    least = share * float(rows.square().sum()) / (n * d) * torch.eye(d).double()
    _, left = mahalanobis(rows, 0.01)
    for i in (0, n // 2, n - 1):
        rest = rows[torch.arange(n) != i]
        covariance = (1 - share) * torch.cov(rest.T, correction=0) + least
        away = rows[i] - rest.mean(0)
        assert float(left[i]) == pytest.approx(float(away @ torch.linalg.solve(covariance, away)) ** 0.5)


def test_neighbours_leave_a_sample_out_of_its_own() -> None:
    rows = normal(30, 4)
    head, left = neighbours(rows, 0.01)
    others = torch.cdist(rows, rows).fill_diagonal_(torch.inf).topk(NEIGHBOURS, dim=1, largest=False).values.mean(1)
    torch.testing.assert_close(left, others)
    assert (head.distance(rows.float()) < left.float()).all(), "in the memory each is its own nearest"


@pytest.mark.parametrize("name", [*distances])
def test_digits_that_are_no_zeros_are_found(name: str, digits: tuple[Tensor, Tensor]) -> None:
    features, odd = digits
    train = torch.zeros(len(odd), dtype=torch.bool)
    train[torch.nonzero(odd == 0).flatten()[:120]] = True
    fitted = fit_anomaly(features[train], odd[train], (name,))
    outputs, truth = fitted.logits(features[~train]), odd[~train]
    assert roc_auc_score(truth, outputs[:, 0]) > 0.99
    assert float(outputs[truth == 0, 2].mean()) < 0.07
    assert float(outputs[truth == 1, 2].mean()) > 0.7


@pytest.mark.parametrize("name", [*distances])
def test_p_values_of_normal_samples_are_even(name: str) -> None:
    rows = normal(900, 12).float()
    fitted = fit_anomaly(rows[:300], torch.zeros(300), (name,))
    p = fitted.logits(rows[300:])[:, 1]
    for share in (0.05, 0.2, 0.5, 0.8):
        assert float((p <= share).double().mean()) == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("name", [*distances])
def test_anomalies_among_the_training_samples_have_no_part_in_it(name: str, digits: tuple[Tensor, Tensor]) -> None:
    features, odd = digits
    few = slice(0, 300)
    with_them = fit_anomaly(features[few], odd[few], (name,))
    kept = odd[few] == 0
    without = fit_anomaly(features[few][kept], odd[few][kept], (name,))
    torch.testing.assert_close(with_them.logits(features), without.logits(features))
    torch.testing.assert_close(with_them.cv_outputs[kept], without.cv_outputs)


@pytest.mark.parametrize("name", [*distances])
def test_a_head_is_built_again_from_its_facts(name: str, digits: tuple[Tensor, Tensor]) -> None:
    features, odd = digits
    fitted = fit_anomaly(features[:200], odd[:200], (name,))
    again = build_head(fitted.head.config)  # type: ignore[arg-type]
    again.load_state_dict(fitted.head.state_dict())
    torch.testing.assert_close(again(features), fitted.logits(features))


def test_a_block_of_features_counts_no_more_for_being_wide_or_large() -> None:
    rows = normal(80, 6).float()
    groups = [FeatureGroup("a", 0, 2), FeatureGroup("b", 2, 6)]
    scaled = torch.cat([rows[:, :2], 1000 * rows[:, 2:]], 1)
    one, other = (fit_anomaly(x, torch.zeros(80), groups=groups).logits(x) for x in (rows, scaled))
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", [*distances])
def test_columns_that_never_vary_and_copies_do_no_harm(name: str) -> None:
    rows = torch.cat([normal(20, 3).float(), torch.full((20, 2), 7.0)], 1)
    outputs = fit_anomaly(torch.cat([rows, rows[:5]]), torch.zeros(25), (name,)).logits(rows + 0.1)
    assert outputs.isfinite().all()
    still = fit_anomaly(torch.ones(4, 3), torch.zeros(4), (name,)).logits(torch.ones(2, 3))
    assert still.isfinite().all()


@pytest.mark.parametrize("name", [*distances])
def test_samples_of_one_group_are_left_out_together(name: str) -> None:
    make = torch.Generator().manual_seed(0)
    centres = torch.randn(200, 4, generator=make).repeat_interleave(4, 0)  # 200 recordings, four windows of each
    rows = centres + 0.05 * torch.randn(800, 4, generator=make)
    units = [str(i // 4) for i in range(400)]
    alone, together = (
        fit_anomaly(rows[:400], torch.zeros(400), (name,), units=of).logits(rows[400:])[:, 1] for of in (None, units)
    )
    assert float((together <= 0.2).double().mean()) == pytest.approx(0.2, abs=0.12)
    if name == "neighbours":
        assert float((alone <= 0.2).double().mean()) > 0.9, "windows of new recordings are no windows of old ones"
    assert "by leaving out whole groups" in fit_anomaly(rows[:400], torch.zeros(400), units=units).told
    assert "groups" not in fit_anomaly(rows[:9], torch.zeros(9), units=[None] * 9).told


def test_the_rate_of_alarms_is_what_so_few_can_say() -> None:
    few, many = (fit_anomaly(normal(n, 3).float(), torch.zeros(n)) for n in (30, 120))
    assert few.choice["alarm"] == pytest.approx(1 / 31)
    assert "a rate of 0.01 takes 99" in few.told
    assert many.choice["alarm"] == 0.01
    assert "takes" not in many.told


def test_too_few_and_bad_features_are_refused() -> None:
    with pytest.raises(TrainingError, match="1 normal training samples"):
        fit_anomaly(torch.zeros(3, 2), torch.tensor([0, 1, -1]))
    with pytest.raises(TrainingError, match="not finite"):
        fit_anomaly(torch.full((3, 2), torch.nan), torch.zeros(3))
