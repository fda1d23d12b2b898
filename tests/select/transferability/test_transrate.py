from __future__ import annotations

import numpy as np
import pytest

from tests.select.transferability.support import clouds
from warmstart.select.transferability.inputs import Floats
from warmstart.select.transferability.transrate import transrate


def test_two_features_by_hand() -> None:
    # centred, mean squared norm 1; Z'Z = I x 2 of all four, and diag(2, 0) or diag(0, 2) of a class: e = 1
    features = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    whole = 0.5 * np.log((1 + 2 / 4) * (1 + 2 / 4))
    of_a_class = 0.5 * np.log(1 + 2 / 2)
    assert transrate(features, [0, 0, 1, 1], epsilon=1) == pytest.approx(whole - of_a_class)


def rate(rows: Floats, epsilon: float) -> float:
    n, d = rows.shape
    return 0.5 * float(np.linalg.slogdet(np.eye(d) + rows.T @ rows / (n * epsilon))[1])


@pytest.mark.parametrize(("n", "d"), [(90, 6), (24, 50)])
def test_it_is_the_difference_of_coding_rates(n: int, d: int) -> None:
    features, labels = clouds(n, d)
    labels[: n // 3] = 0  # unequal classes
    rows = features - features.mean(0)
    rows /= np.sqrt((rows**2).sum() / n)
    within = sum((labels == c).mean() * rate(rows[labels == c], 1e-4) for c in range(3))
    assert transrate(features, labels) == pytest.approx(rate(rows, 1e-4) - within)


def test_it_is_not_negative_and_its_unit_has_no_part_in_it() -> None:
    features, labels = clouds(60, 5, apart=0)
    value = transrate(features, labels)
    assert value >= 0
    assert transrate(1e4 * features, labels) == pytest.approx(value)
