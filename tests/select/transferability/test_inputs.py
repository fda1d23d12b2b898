from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.select.transferability.support import clouds
from warmstart.errors import DataError
from warmstart.select.transferability import transferability
from warmstart.select.transferability.gbc import gbc
from warmstart.select.transferability.h_score import h_score
from warmstart.select.transferability.leep import leep
from warmstart.select.transferability.logme import logme
from warmstart.select.transferability.nce import nce
from warmstart.select.transferability.nleep import nleep
from warmstart.select.transferability.transrate import transrate

FEATURES = np.arange(12.0).reshape(6, 2)
LABELS = np.array([0, 0, 0, 1, 1, 1])
NAN = np.where(FEATURES == 5, np.nan, FEATURES)


@pytest.mark.parametrize("metric", [gbc, h_score, logme, nleep, transrate, transferability])
@pytest.mark.parametrize(
    ("features", "labels", "said"),
    [
        (NAN, LABELS, "features of 1 of 6 samples are not finite"),
        (np.ones((6, 2)), LABELS, "all 6 samples are the same"),
        (FEATURES, np.zeros(6, int), "all 6 samples are of one class"),
        (FEATURES, np.array([0, 0, 0, 1, 1, 7]), "have one sample only: 7"),
        (FEATURES, LABELS[:5], r"labels of shape \(5,\)"),
        (FEATURES, LABELS / 2, "type float64"),
        (FEATURES[:, 0], LABELS, r"features of shape \(6,\)"),
        (FEATURES[:, :0], LABELS, r"features of shape \(6, 0\)"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_words(metric: Any, features: Any, labels: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        metric(features, labels)


@pytest.mark.parametrize("metric", [leep, nce])
def test_logits_are_not_probabilities(metric: Any) -> None:
    with pytest.raises(DataError, match="softmax"):
        metric(FEATURES - 6, LABELS)
    with pytest.raises(DataError, match="one sample only"):
        metric(np.full((3, 2), 0.5), [0, 0, 1])


def test_probabilities_in_half_precision_are_probabilities() -> None:
    features, labels = clouds(40, 50)
    whole = np.exp(features) / np.exp(features).sum(1, keepdims=True)
    assert leep(whole.astype(np.float16), labels) == pytest.approx(leep(whole, labels), rel=1e-3)
