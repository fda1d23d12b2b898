"""Each measure against a closed form, a case by hand, or another library."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel as sklearn_polynomial

from warmstart.select.similarity.coral import coral
from warmstart.select.similarity.cosine import cosine_of_means
from warmstart.select.similarity.depth import covariance_cka
from warmstart.select.similarity.frechet import bures, frechet, root
from warmstart.select.similarity.kernel import mmd2_of_rows, polynomial_kernel, rbf_kernel, unbiased_mmd2
from warmstart.select.similarity.kl import gaussian_kl
from warmstart.select.similarity.mmd import permutation_p
from warmstart.select.similarity.otdd import otdd
from warmstart.select.similarity.proxy_a import balanced_error, held_out_scores, proxy_a_distance

RNG = np.random.default_rng(0)
A = RNG.normal(size=(80, 5))
B = RNG.normal(size=(70, 5)) @ np.diag([1, 2, 3, 1, 1]) + 0.5


def test_the_cosine_is_that_of_the_means() -> None:
    a, b = A.astype(np.float32) + 1, B.astype(np.float32)
    means = a.mean(0), b.mean(0)
    expected = means[0] @ means[1] / np.linalg.norm(means[0]) / np.linalg.norm(means[1])
    assert cosine_of_means(a, b) == pytest.approx(float(expected), abs=1e-6)
    assert cosine_of_means(a, 3 * a) == pytest.approx(1)
    assert cosine_of_means(np.zeros_like(a), b) == 0


def test_the_frechet_distance_is_that_of_the_matrix_square_root() -> None:
    p, q = np.cov(A, rowvar=False), np.cov(B, rowvar=False)
    means = A.mean(0) - B.mean(0)
    expected = means @ means + np.trace(p + q - 2 * np.real(sqrtm(p @ q)))
    assert frechet(A, B) == pytest.approx(float(expected))
    assert frechet(A, B) == pytest.approx(
        float(ot.gaussian.bures_wasserstein_distance(A.mean(0), B.mean(0), p, q)) ** 2
    )
    assert frechet(A, A) == pytest.approx(0, abs=1e-9)


def test_a_root_of_fewer_samples_than_dimensions_is_one_too() -> None:
    few = A[:3]
    assert root(few).T @ root(few) == pytest.approx(np.cov(few, rowvar=False))
    assert bures(root(few), root(few)) == pytest.approx(0, abs=1e-9)


def test_kl_of_diagonal_gaussians_is_the_sum_over_dimensions() -> None:
    sd_a, sd_b, mean = np.array([1.0, 2.0]), np.array([2.0, 0.5]), np.array([1.0, -3.0])
    expected = np.log(sd_b / sd_a) + (sd_a**2 + mean**2) / (2 * sd_b**2) - 0.5
    assert gaussian_kl(mean, np.diag(sd_a**2), np.zeros(2), np.diag(sd_b**2)) == pytest.approx(expected.sum())
    assert gaussian_kl(mean, np.diag(sd_a), mean, np.diag(sd_a)) == pytest.approx(0)


def test_coral_by_hand_is_blind_to_the_mean() -> None:
    a = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])  # covariance 2/3 of the identity
    assert coral(a, 2 * a + 7) == pytest.approx(2 * (2 / 3 - 8 / 3) ** 2 / (4 * 4))
    assert coral(a, a + 7) == pytest.approx(0)


def test_the_kernel_of_kid_is_that_of_scikit_learn() -> None:
    x = A.astype(np.float32)
    assert polynomial_kernel(x @ x.T, 5) == pytest.approx(
        sklearn_polynomial(x, degree=3, gamma=1 / 5, coef0=1), rel=1e-5, abs=1e-6
    )


def test_mmd_is_the_mean_over_distinct_samples() -> None:
    x = np.concatenate([A, B]).astype(np.float32)
    kernel = rbf_kernel(x @ x.T)
    distances = ((x[:, None] - x[None]) ** 2).sum(2)
    median = np.median(distances[np.triu_indices(len(x), 1)])
    assert kernel == pytest.approx(np.exp(-distances / (2 * median)), abs=1e-5)
    of_a, of_b, across = kernel[:80, :80], kernel[80:, 80:], kernel[:80, 80:]
    expected = of_a[~np.eye(80, dtype=bool)].mean() + of_b[~np.eye(70, dtype=bool)].mean() - 2 * across.mean()
    assert mmd2_of_rows(kernel, np.arange(80), np.arange(80, 150)) == pytest.approx(float(expected), abs=1e-6)


def test_kid_is_zero_on_average_where_nothing_differs_and_does_not_fall_with_more_samples() -> None:
    for n in (10, 40):
        x = RNG.normal(size=(400, 2 * n, 3)).astype(np.float32)
        members = np.repeat([1.0, 0.0], n)[:, None].astype(np.float32)
        found = [float(unbiased_mmd2(polynomial_kernel(s @ s.T, 3), members, 1 - members)[0]) for s in x]
        assert abs(np.mean(found)) < 4 * np.std(found) / len(found) ** 0.5


def test_p_values_are_uniform_where_nothing_differs_and_small_where_something_does() -> None:
    def p(shift: float) -> float:
        x = RNG.normal(size=(40, 3)).astype(np.float32)
        x[20:] += np.float32(shift)
        return permutation_p(rbf_kernel(x @ x.T), 20, permutations=99)

    null = np.array([p(0.0) for _ in range(300)])
    for level in (0.05, 0.2, 0.5):  # three standard errors of a share of 300
        assert abs((null <= level).mean() - level) < 3 * (level * (1 - level) / 300) ** 0.5
    assert p(2.0) == 0.01


def test_the_proxy_a_distance_is_near_zero_for_the_same_and_near_two_for_what_is_far_apart() -> None:
    def of(shift: float) -> float:
        a, b = held_out_scores(RNG.normal(size=(300, 5)), RNG.normal(size=(300, 5)) + shift)
        return proxy_a_distance(float((a > 0).mean() + (b <= 0).mean()) / 2)

    assert of(0.0) < 0.3
    assert of(5.0) > 1.98


def test_both_sets_count_the_same_in_the_error_and_certainty_is_not_claimed() -> None:
    mixed = balanced_error(np.ones(90, bool), np.zeros(10, bool))
    assert mixed.value == 0.5
    perfect = balanced_error(np.ones(50, bool), np.ones(50, bool))
    assert perfect.low == perfect.value == 0
    assert 0.02 < perfect.high < 0.08


def test_otdd_of_one_class_each_is_transport_plus_the_distance_of_the_classes() -> None:
    zeros_a, zeros_b = np.zeros(80, np.int64), np.zeros(70, np.int64)
    plain = ot.emd2(ot.unif(80), ot.unif(70), ot.dist(A, B))
    assert otdd(A, zeros_a, B, zeros_b) ** 2 == pytest.approx(float(plain) + frechet(A, B))


def test_otdd_is_symmetric_zero_for_the_same_set_and_names_of_classes_play_no_part() -> None:
    labels_a, labels_b = np.arange(80) % 4, np.arange(70) % 3
    assert otdd(A, labels_a, B, labels_b) == pytest.approx(otdd(B, labels_b, A, labels_a))
    assert otdd(A, labels_a, A, labels_a) == pytest.approx(0, abs=1e-6)
    assert otdd(A, labels_a, A, 7 - labels_a) == pytest.approx(0, abs=1e-6)
    shuffled = RNG.permutation(np.repeat([0, 1], 40))
    apart = np.concatenate([A[:40], A[40:] + 8])
    assert otdd(apart, np.repeat([0, 1], 40), apart, shuffled) > 1


def test_cka_of_covariances_is_one_for_the_same_distribution_without_the_noise_of_few_samples() -> None:
    def halves(scale: list[float]) -> list[np.ndarray]:
        return [RNG.normal(size=(40, 20)) * np.resize(scale, 20) for _ in range(2)]

    same = [covariance_cka(halves([3, 1]), halves([3, 1])) for _ in range(30)]
    assert np.mean([x for x in same if x is not None]) == pytest.approx(1, abs=0.05)
    other = [covariance_cka(halves([3, 0.1]), halves([0.1, 3])) for _ in range(30)]
    assert np.mean([x for x in other if x is not None]) < 0.05
    assert covariance_cka([np.ones((5, 2))] * 2, halves([1, 1])) is None
