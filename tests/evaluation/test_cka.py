"""Linear CKA: what it does not see, what it is by hand, and that the unbiased one is 0 for what is unrelated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from warmstart.evaluation.cka import linear_cka

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = X @ RNG.normal(size=(6, 4)) + RNG.normal(size=(60, 4))


@pytest.mark.parametrize("unbiased", [True, False])
def test_rotation_shift_and_scale_change_nothing(unbiased: bool) -> None:
    rotation = ortho_group.rvs(6, random_state=1)
    before = linear_cka(X, Y, unbiased=unbiased)
    assert 0 < before < 1
    assert linear_cka(0.3 * X @ rotation + 2, -5 * Y - 1, unbiased=unbiased) == pytest.approx(before)
    assert linear_cka(X, X @ rotation, unbiased=unbiased) == pytest.approx(1)


def test_the_plain_one_is_the_ratio_of_frobenius_norms() -> None:
    x, y = X - X.mean(0), Y - Y.mean(0)
    expected = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert linear_cka(X, Y, unbiased=False) == pytest.approx(float(expected))


def test_a_case_by_hand() -> None:
    """One column each, centred: (x'y)² / (x'x y'y) = 2² / (2 * 4)."""
    assert linear_cka([[1], [-1], [0], [0]], [[1], [-1], [1], [-1]], unbiased=False) == pytest.approx(0.5)


def test_hsic_is_unbiased_as_by_its_sum_over_distinct_samples() -> None:
    """Song et al. 2012: the mean of k_ij (l_ij + l_qr - 2 l_iq) over distinct i, j, q, r."""
    from itertools import permutations

    x, y = X[:6, :2], Y[:6, :2]

    def by_hand(k: np.ndarray, m: np.ndarray) -> float:
        return float(np.mean([k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]) for i, j, q, r in permutations(range(6), 4)]))

    k, m = x @ x.T, y @ y.T
    expected = by_hand(k, m) / (by_hand(k, k) * by_hand(m, m)) ** 0.5
    assert linear_cka(x, y) == pytest.approx(expected)


def test_unrelated_representations_of_many_columns_are_told_from_related_ones() -> None:
    pairs = [(RNG.normal(size=(40, 400)), RNG.normal(size=(40, 400))) for _ in range(20)]
    assert abs(np.mean([linear_cka(x, y) for x, y in pairs])) < 0.02
    assert np.mean([linear_cka(x, y, unbiased=False) for x, y in pairs]) > 0.8


def test_what_does_not_vary_has_none() -> None:
    assert np.isnan(linear_cka(np.ones((8, 3)), X[:8]))


@pytest.mark.parametrize(("n", "m"), [(3, 3), (10, 9)])
def test_other_samples_or_too_few_are_refused(n: int, m: int) -> None:
    with pytest.raises(ValueError, match="same samples"):
        linear_cka(X[:n], X[:m])
