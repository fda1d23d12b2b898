"""Metrics of anomalies, by sample: the areas are scikit-learn's, the variance is that of DeLong et al."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from warmstart.data.targets import AnomalyTarget
from warmstart.evaluation.anomalies import intervals_of_anomalies
from warmstart.task.anomaly import ANOMALY
from warmstart.task.base import task_of

NAMES = ("good", "anomaly")
scored = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40)


def outputs_of(scores: Tensor, alarm: float = 2.5) -> Tensor:
    p = 1 / (1 + scores)
    return torch.stack([scores, p, (scores > alarm).float()], 1)


@given(scored)
def test_areas_are_those_of_scikit_learn_with_ties_and_all(rows: list[tuple[int, bool]]) -> None:
    scores, odd = torch.tensor([float(s) for s, _ in rows]), torch.tensor([int(o) for _, o in rows])
    found = ANOMALY.metrics(outputs_of(scores), odd)
    if 0 < int(odd.sum()) < len(odd):
        assert found["auroc"] == pytest.approx(roc_auc_score(odd, scores))
        assert found["average_precision"] == pytest.approx(average_precision_score(odd, scores))
    else:
        assert "auroc" not in found, "what cannot be measured is not told"
    alarms = scores > 2.5
    if bool(odd.any()):
        assert found["recall"] == pytest.approx(float(alarms[odd == 1].double().mean()))
    if not bool(odd.all()):
        assert found["passed"] == pytest.approx(1 - float(alarms[odd == 0].double().mean()))


def test_the_spread_of_the_area_is_that_of_delong() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.normal(0, 1, 90), rng.normal(1, 1, 30)
    targets = torch.tensor([0] * 90 + [1] * 30)
    values = ANOMALY.values(outputs_of(torch.tensor(np.r_[low, high])), targets)["auroc"].numpy()
    right = (high[:, None] > low[None, :]).astype(float)
    by_delong = right.mean(1).var() / 30 + right.mean(0).var() / 90
    assert values.var() / len(values) == pytest.approx(by_delong)


def test_the_influence_of_a_sample_on_average_precision_is_what_leaving_it_out_changes() -> None:
    rng = np.random.default_rng(1)
    scores, odd = torch.tensor(rng.normal(size=300)), torch.tensor(rng.integers(0, 2, 300))
    values = ANOMALY.values(outputs_of(scores), odd)["average_precision"]
    whole = average_precision_score(odd, scores)
    for i in range(0, 300, 37):
        rest = torch.arange(300) != i
        without = average_precision_score(odd[rest], scores[rest])
        assert whole - without == pytest.approx(float(values[i] - whole) / 300, abs=1e-4)


def test_a_share_of_one_kind_is_as_sure_as_there_are_samples_of_it() -> None:
    scores, odd = torch.tensor([0.1] * 9 + [9.0] * 500), torch.tensor([0] * 9 + [1] * 500)
    found = intervals_of_anomalies(task_of(AnomalyTarget(NAMES)), outputs_of(scores), odd)
    assert found["passed"].low < 0.7, "nine normal samples say little of false alarms"
    assert found["auroc"].low < 0.7
    assert found["recall"].low > 0.99


def test_what_the_data_allow_decides_what_is_measured() -> None:
    assert task_of(AnomalyTarget(NAMES)).primary_metric == "auroc"
    assert task_of(AnomalyTarget(NAMES, measurable=False)).primary_metric == "passed"
