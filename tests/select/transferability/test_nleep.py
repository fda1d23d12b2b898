from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from tests.select.transferability.support import clouds
from warmstart.select.transferability.components import components
from warmstart.select.transferability.leep import leep
from warmstart.select.transferability.nleep import nleep, posteriors


def test_nleep_is_leep_of_the_posteriors_of_a_mixture_on_four_fifths_of_the_variance() -> None:
    features, labels = clouds(120, 6)
    centred = features - features.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    kept = 1 + int((np.cumsum(values[::-1]) / values.sum() < 0.8).sum())
    assert kept == 4
    scores = centred @ vectors[:, ::-1][:, :kept]
    scores *= np.sign((scores * components(features)[:, :kept]).sum(0))  # a component's sign is nobody's choice
    scores /= scores.std()
    expected = leep(GaussianMixture(15, random_state=0).fit(scores).predict_proba(scores), labels)
    assert nleep(features, labels) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("n", "classes", "gaussians"), [(120, 3, 15), (40, 4, 10), (12, 6, 6)])
def test_gaussians_are_five_per_class_but_no_more_than_the_samples_bear(n: int, classes: int, gaussians: int) -> None:
    features, _ = clouds(n, 5, classes=classes)
    found = posteriors(features, components(features), classes)
    assert found.shape == (n, gaussians)
    assert found.sum(1) == pytest.approx(1)


def test_clusters_that_are_classes_predict_the_labels() -> None:
    features, labels = clouds(90, 8, apart=30)
    assert nleep(features, labels) > -1e-6
