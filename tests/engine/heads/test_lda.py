from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tests.engine.heads.support import wide
from warmstart.engine.heads.base import Problem
from warmstart.engine.heads.lda import discriminant, fit, shrinkage

SHAPES = [(40, 150), (200, 20), (30, 30)]


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_the_discriminant_is_that_of_scikit_learn(n: int, d: int) -> None:
    features, labels = wide(n, d)
    labels[: n // 5] = 0  # unequal classes
    reference = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features, labels)
    weight, bias = discriminant(features, labels, 4)
    assert np.allclose(weight, reference.coef_, atol=1e-7, rtol=1e-5)
    assert np.allclose(bias, reference.intercept_, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("noise", [1e-1, 1e-3])
def test_a_covariance_that_is_nearly_singular_is_inverted_all_the_same(noise: float) -> None:
    few, labels = wide(40, 12)
    features, labels = few[:, :6].repeat(20, 2), np.tile(labels, 20)
    features = features + noise * torch.randn(features.shape, generator=torch.Generator().manual_seed(0)).double()
    reference = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features, labels)
    weight, _ = discriminant(features, labels, 4)
    assert np.allclose(weight, reference.coef_, rtol=1e-4, atol=1e-6 * np.abs(reference.coef_).max())


def test_the_head_decides_as_scikit_learn_does() -> None:
    features, labels = wide(80, 150)
    reference = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features[:60], labels[:60])
    fitted = fit(Problem.of(features[:60], labels[:60], 4))
    expected = reference.predict_log_proba(features[60:].numpy())
    logits = fitted.logits(features[60:]).double() * fitted.choice["temperature"]
    assert np.allclose(logits.log_softmax(1), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_the_amount_of_shrinkage_is_that_of_scikit_learn(n: int, d: int) -> None:
    x = wide(n, d)[0]
    x = (x - x.mean(0)) / x.std(0, correction=0)
    assert shrinkage(x) == pytest.approx(ledoit_wolf_shrinkage(x.numpy(), assume_centered=True), rel=1e-9)


def test_outputs_for_training_samples_are_those_of_fits_without_them() -> None:
    features, labels = wide(6, 10, 2)
    fitted = fit(Problem.of(features, labels, 2), folds=3)
    disturbed = labels.copy()
    disturbed[0] = 1 - disturbed[0]
    weights = [discriminant(features[1:], y[1:], 2)[0] for y in (labels, disturbed)]
    assert torch.equal(*weights)
    assert fitted.cv_outputs.shape == (6, 2)
