from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from warmstart.data.targets import LabelsTarget
from warmstart.evaluation.intervals import bootstrap
from warmstart.task.multilabel import MULTILABEL


@given(st.integers(2, 30), st.integers(2, 5), st.integers(0, 99))
def test_metrics_are_those_of_scikit_learn(n: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outputs, truth = rng.normal(size=(n, classes)), (rng.random((n, classes)) < 0.4).astype(np.float32)
    said, found = outputs > 0, MULTILABEL.metrics(torch.from_numpy(outputs), torch.from_numpy(truth))
    matters = (truth.sum(0) + said.sum(0)) > 0
    assert found["micro_f1"] == pytest.approx(f1_score(truth, said, average="micro", zero_division=0.0))
    if matters.any():
        wanted = np.mean([f1_score(truth[:, k], said[:, k], zero_division=0.0) for k in np.flatnonzero(matters)])
        assert found["macro_f1"] == pytest.approx(wanted)
    assert found["exact_match"] == pytest.approx((said == truth).all(1).mean())
    if truth.sum(0).all():
        assert found["mean_average_precision"] == pytest.approx(average_precision_score(truth, outputs))


def test_values_of_samples_have_the_spread_that_resampling_finds() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((400, 4)) < 0.3).astype(np.float32)
    outputs = np.where(rng.random((400, 4)) < 0.8, truth, 1 - truth) * 2 - 1
    values = MULTILABEL.values(torch.from_numpy(outputs), torch.from_numpy(truth))["micro_f1"].numpy()
    draws = [rng.integers(0, 400, 400) for _ in range(1000)]
    scores = [f1_score(truth[rows], outputs[rows] > 0, average="micro") for rows in draws]
    interval = bootstrap(values)
    assert (interval.low, interval.high) == pytest.approx(np.quantile(scores, [0.025, 0.975]), abs=0.01)


def test_balanced_weights_count_what_is_missing_as_often_as_what_is_there() -> None:
    targets = torch.zeros(100, 2)
    targets[:10, 0] = 1
    weights, outputs = MULTILABEL.balanced(targets, 2), torch.zeros(100, 2)
    per_sample = torch.nn.functional.binary_cross_entropy_with_logits(
        outputs, targets, pos_weight=weights, reduction="none"
    )
    assert float(per_sample[:10, 0].sum()) == pytest.approx(float(per_sample[10:, 0].sum()))
    assert weights[1] == 1


def test_an_answer_names_the_labels_the_most_probable_first_and_none_where_none_is_likely() -> None:
    rows = MULTILABEL.decode(torch.tensor([[1.0, 3.0, -1.0], [-1.0, -2.0, -3.0]]), LabelsTarget(("a", "b", "c")))
    assert [row["labels"] for row in rows] == [["b", "a"], []]
    assert list(rows[0]["probabilities"]) == ["b", "a", "c"]
