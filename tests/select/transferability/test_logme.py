from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from tests.select.transferability.support import clouds
from warmstart.select.transferability.inputs import Floats
from warmstart.select.transferability.logme import logme


def most_evidence(features: Floats, target: Floats) -> float:
    """Log evidence per sample at its maximum over alpha and beta, by search: y ~ N(0, I / beta + FF' / alpha)."""
    n = len(target)

    def loss(logs: Floats) -> float:
        alpha, beta = np.exp(logs)
        covariance = np.eye(n) / beta + features @ features.T / alpha
        return -float(multivariate_normal.logpdf(target, np.zeros(n), covariance)) / n

    starts = [(0.0, 0.0), (4.0, 2.0), (-3.0, 3.0)]
    return -min(float(minimize(loss, s, method="Nelder-Mead", options={"xatol": 1e-6}).fun) for s in starts)


@pytest.mark.parametrize(("n", "d", "apart"), [(60, 4, 2.0), (60, 4, 0.5), (24, 40, 3.0), (30, 30, 3.0)])
def test_it_is_the_largest_evidence_that_a_search_finds(n: int, d: int, apart: float) -> None:
    features, labels = clouds(n, d, apart=apart)
    expected = np.mean([most_evidence(features, (labels == c).astype(np.float64)) for c in range(3)])
    assert logme(features, labels) == pytest.approx(expected, abs=1e-5)


def test_it_is_the_larger_of_two_maxima_where_features_have_unequal_scales() -> None:
    # here the fixed point from alpha = beta stops at -0.513
    features, labels = clouds(60, 4, apart=5, seed=1)
    features *= np.linspace(1, 0.01, 4)
    expected = np.mean([most_evidence(features, (labels == c).astype(np.float64)) for c in range(3)])
    assert logme(features, labels) == pytest.approx(expected, abs=1e-6)
    assert expected > -0.2


def test_it_satisfies_the_fixed_point_of_the_paper() -> None:
    features, labels = clouds(50, 3, classes=2)
    values = np.linalg.eigvalsh(features.T @ features)
    evidence = []
    for target in (labels == 0, labels == 1):
        y, alpha, beta = target.astype(np.float64), 1.0, 1.0
        for _ in range(500):
            mean = beta * np.linalg.solve(alpha * np.eye(3) + beta * features.T @ features, features.T @ y)
            gamma = (beta * values / (alpha + beta * values)).sum()
            alpha, beta = gamma / (mean @ mean), (50 - gamma) / ((features @ mean - y) ** 2).sum()
        posterior = alpha * np.eye(3) + beta * features.T @ features
        residual = ((features @ mean - y) ** 2).sum()
        evidence.append(
            25 * np.log(beta)
            + 1.5 * np.log(alpha)
            - 25 * np.log(2 * np.pi)
            - beta / 2 * residual
            - alpha / 2 * mean @ mean
            - np.linalg.slogdet(posterior)[1] / 2
        )
    assert logme(features, labels) == pytest.approx(np.mean(evidence) / 50, abs=1e-7)


def test_features_that_are_copies_of_others_are_no_obstacle() -> None:
    features, labels = clouds(40, 3)
    # twice the same feature is one feature of twice the prior variance, and that is fitted
    assert logme(np.hstack([features, features]), labels) == pytest.approx(logme(features, labels), abs=1e-6)


def test_labels_that_are_exactly_linear_have_a_finite_evidence_above_all_others() -> None:
    labels = np.arange(30) % 3
    exact = logme(np.eye(3)[labels], labels)
    assert np.isfinite(exact)
    assert exact > logme(clouds(30, 3, apart=3)[0], labels)
    many = logme(np.random.default_rng(0).normal(size=(30, 90)), labels)  # any labels fit, which is no evidence
    assert np.isfinite(many)
    assert many < exact
