from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from tests.select.transferability.support import clouds
from warmstart.select.transferability.gbc import gbc


def test_two_classes_of_one_feature_have_the_overlap_of_their_densities() -> None:
    first, second = np.array([-1.0, 1.0]), np.array([1.0, 5.0])  # N(0, 1) and N(3, 4)
    overlap, _ = quad(lambda x: np.sqrt(norm.pdf(x, 0, 1) * norm.pdf(x, 3, 2)), -30, 30)
    closed = np.exp(-(9 / 2.5 / 8 + np.log(2.5 / 2) / 2))
    assert overlap == pytest.approx(closed)
    assert gbc(np.concatenate([first, second])[:, None], [0, 0, 1, 1]) == pytest.approx(-2 * closed)


def test_variances_per_direction_are_told_apart_where_asked() -> None:
    # about means 4 apart, class 0 varies by 4 across and 1 along, class 1 by 1 across and 4 along
    square = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    features = np.concatenate([square * [1, 2] - [2, 0], square * [2, 1] + [2, 0]])
    labels = [0] * 4 + [1] * 4
    diagonal = 16 / 2.5 / 8 + 2 * np.log(2.5) / 2 - (np.log(4) + np.log(4)) / 4
    spherical = 16 / 2.5 / 8  # both have a mean variance of 2.5
    assert gbc(features, labels) == pytest.approx(-2 * np.exp(-spherical))
    assert gbc(features, labels, covariance="diagonal") == pytest.approx(-2 * np.exp(-diagonal))


def test_every_ordered_pair_of_classes_counts() -> None:
    features = np.array([-1.0, 1.0, 3.0, 5.0, 7.0, 9.0])[:, None]  # unit variances, means 0, 4, 8
    expected = -2 * (2 * np.exp(-16 / 8) + np.exp(-64 / 8))
    assert gbc(features, [0, 0, 1, 1, 2, 2]) == pytest.approx(expected)


def test_a_class_that_does_not_vary_is_given_a_little_variance() -> None:
    value = gbc([[0.0], [0.0], [1.0], [1.0]], [0, 0, 1, 1])
    assert value == pytest.approx(0, abs=1e-100)
    assert np.isfinite(value)


def test_its_unit_has_no_part_in_it() -> None:
    features, labels = clouds(60, 5)
    assert gbc(1e-6 * features, labels) == pytest.approx(gbc(features, labels))


def test_it_sees_64_principal_components() -> None:
    features, labels = clouds(300, 64)
    constant = np.hstack([features, np.full((300, 40), 3.0)])
    assert gbc(constant, labels) == pytest.approx(gbc(features, labels), rel=1e-6)
