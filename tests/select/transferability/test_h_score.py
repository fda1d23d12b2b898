from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tests.select.transferability.support import clouds
from warmstart.data.schema import IntArray
from warmstart.select.transferability.h_score import h_score
from warmstart.select.transferability.inputs import Floats


def between(features: Floats, labels: IntArray) -> Floats:
    """cov(E[f | y]), sample by sample."""
    means = np.stack([features[labels == label].mean(0) for label in labels])
    return np.asarray(np.cov(means, rowvar=False, bias=True))


def test_the_original_is_the_trace_of_its_definition() -> None:
    features, labels = clouds(90, 7)
    covariance = np.cov(features, rowvar=False, bias=True)
    expected = np.trace(np.linalg.pinv(covariance) @ between(features, labels))
    assert h_score(features, labels, shrinkage=0) == pytest.approx(expected)


def test_one_feature_by_hand() -> None:
    # means 1 and 4 about 2.5: between 2.25; deviations -2.5, -.5, .5, 2.5: variance 3.25
    assert h_score([[0.0], [2.0], [3.0], [5.0]], [0, 0, 1, 1], shrinkage=0) == pytest.approx(2.25 / 3.25)


@pytest.mark.parametrize(("n", "d"), [(90, 7), (30, 60)])
def test_shrinkage_is_that_of_ledoit_and_wolf(n: int, d: int) -> None:
    features, labels = clouds(n, d)
    covariance, amount = ledoit_wolf(features)
    assert 0 < amount < 1
    expected = (1 - amount) * np.trace(np.linalg.solve(covariance, between(features, labels)))
    assert h_score(features, labels) == pytest.approx(expected)
    assert h_score(features, labels, shrinkage=amount) == pytest.approx(expected)


def test_it_is_the_sum_of_the_squared_canonical_correlations_with_the_labels() -> None:
    features, labels = clouds(90, 7)
    ratio = LinearDiscriminantAnalysis(solver="eigen").fit(features, labels)
    scores = features @ ratio.scalings_[:, :2]
    total = np.diag(between(scores, labels)) / scores.var(0)
    assert h_score(features, labels, shrinkage=0) == pytest.approx(total.sum())


def test_it_ends_at_the_number_of_classes_less_one() -> None:
    apart = np.repeat(np.eye(3), 5, axis=0) + 1e-4 * np.random.default_rng(0).normal(size=(15, 3))
    assert h_score(apart, np.repeat([0, 1, 2], 5), shrinkage=0) == pytest.approx(2, abs=1e-3)


def test_without_shrinkage_more_features_than_samples_look_perfect_whatever_they_are() -> None:
    noise, labels = clouds(30, 60, apart=0)
    assert h_score(noise, labels, shrinkage=0) == pytest.approx(2)
    assert h_score(noise, labels) < 0.5
    better, _ = clouds(30, 60, apart=6)
    assert h_score(better, labels) > 3 * h_score(noise, labels)
