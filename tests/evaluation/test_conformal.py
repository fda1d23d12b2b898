"""Sets of classes: the definitions by hand, and the coverage that is promised, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binom

from warmstart.errors import DataError
from warmstart.evaluation.conformal import measured_coverage, nonconformity, quantile, rank, sets, smallest


def logits_of(*shares: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(shares, dtype=torch.float64).log()


def test_the_score_is_one_minus_the_probability_of_the_true_class_sorted() -> None:
    shares = logits_of((0.7, 0.2, 0.1), (0.5, 0.3, 0.2), (0.1, 0.1, 0.8))
    assert nonconformity(shares, torch.tensor([0, 1, -1])).tolist() == pytest.approx([0.3, 0.7])


@pytest.mark.parametrize(("coverage", "score"), [(0.2, 0.1), (0.21, 0.2), (0.5, 0.3), (0.6, 0.3), (0.8, 0.4)])
def test_the_quantile_of_four_scores_by_hand(coverage: float, score: float) -> None:
    assert quantile(np.array([0.1, 0.2, 0.3, 0.4]), coverage) == score  # ceil(5 coverage): 1, 2, 3, 3, 4


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_a_coverage_needs_so_many_samples_and_not_one_less(coverage: float) -> None:
    n = smallest(coverage)
    assert rank(n, coverage) <= n
    assert rank(n - 1, coverage) > n - 1


def test_a_coverage_that_so_few_samples_cannot_support_is_refused_with_the_number_that_could() -> None:
    with pytest.raises(DataError, match=r"8 validation samples cannot support a coverage of 0\.9") as caught:
        quantile(np.linspace(0, 1, 8), 0.9)
    assert caught.value.expected == "at least 9 of them, or at most 0.889"
    with pytest.raises(DataError, match="0 validation samples"):
        quantile(np.array([]), 0.5)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 90.0, -0.1, float("nan")])
def test_what_is_no_share_is_refused(coverage: float) -> None:
    with pytest.raises(DataError, match="a coverage of"):
        quantile(np.linspace(0, 1, 50), coverage)


def test_a_set_holds_the_classes_that_are_probable_enough_and_always_the_first() -> None:
    scores = np.array([0.1, 0.2, 0.4, 0.6])  # at 0.8 a class needs a probability of 0.4
    shares = logits_of((0.45, 0.45, 0.1), (0.9, 0.05, 0.05), (0.35, 0.33, 0.32))
    assert sets(shares, scores, 0.8).tolist() == [[True, True, False], [True, False, False], [True, False, False]]


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("n", [19, 60])
def test_the_coverage_of_exchangeable_samples_is_the_one_that_was_asked(n: int, coverage: float) -> None:
    """Averaged over calibration sets: at least what was asked, at most 1 / (n + 1) more (Lei et al. 2018, th. 2)."""
    rng, repeats, classes = np.random.default_rng(0), 2000, 20
    logits = torch.from_numpy(rng.normal(size=(repeats, n + 1, classes)))
    # A flat model: the most probable class is hardly ever right, so that it adds nothing to the coverage.
    truth = torch.from_numpy(rng.permuted(np.tile(np.arange(classes), (repeats, n + 1, 1)), axis=2)[..., 0])
    logits.scatter_add_(2, truth[..., None], torch.full((repeats, n + 1, 1), 0.5, dtype=torch.float64))
    held = 0
    for x, y in zip(logits, truth, strict=True):
        held += bool(sets(x[-1:], nonconformity(x[:-1], y[:-1]), coverage)[0, y[-1]])
    assert binom.cdf(held, repeats, coverage) > 0.001
    assert binom.sf(held - 1, repeats, min(1.0, coverage + 1 / (n + 1))) > 0.001


def test_what_was_reached_is_measured_on_known_labels_alone() -> None:
    shares = logits_of((0.45, 0.45, 0.1), (0.9, 0.05, 0.05), (0.9, 0.05, 0.05), (0.3, 0.3, 0.4))
    found = measured_coverage(shares, torch.tensor([1, 0, 2, -1]), np.array([0.1, 0.2, 0.4, 0.6]), 0.8)
    assert found.asked == 0.8
    assert found.reached.value == pytest.approx(2 / 3)
    assert found.reached.low < 2 / 3 < found.reached.high
    assert (found.size, found.single) == pytest.approx((4 / 3, 2 / 3))
