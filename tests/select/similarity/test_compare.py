"""All measures of two sets of features: what they say of a shift and of none, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from warmstart.errors import DataError
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.similarity import BlockRow, Similarity
from warmstart.model.backbone import FeatureGroup
from warmstart.select.similarity import along_depth, compare_features
from warmstart.select.similarity.words import where

DIGITS = load_digits()
ORDER = np.random.default_rng(0).permutation(len(DIGITS.target))
FIRST, SECOND = ORDER[:400], ORDER[400:800]
PIXELS, LABELS = DIGITS.data, DIGITS.target


@pytest.fixture(scope="module")
def same() -> Similarity:
    return compare_features(PIXELS[FIRST], PIXELS[SECOND], LABELS[FIRST], LABELS[SECOND])


@pytest.fixture(scope="module")
def inverted() -> Similarity:
    return compare_features(PIXELS[FIRST], 16 - PIXELS[SECOND], LABELS[FIRST], LABELS[SECOND])


def test_two_samples_of_one_kind_show_no_shift_by_any_measure(same: Similarity) -> None:
    assert same.strength == "none shown"
    assert "show no shift" in same.verdict
    for m in same.measures:
        assert m.interval is not None
        assert m.baseline is not None
        assert m.halves is not None
        assert m.interval.low <= m.interval.value <= m.interval.high
        assert m.baseline.low - 0.25 * abs(m.baseline.low) <= m.halves <= m.baseline.high + 0.25 * abs(m.baseline.high)
    assert same.measure("frechet").reading == "no more than two halves of A differ"
    p = same.measure("mmd").p
    assert p is not None
    assert p > 0.05


def test_inverted_digits_are_far_from_digits_by_every_measure(inverted: Similarity) -> None:
    assert inverted.strength == "strong"
    assert inverted.measure("proxy_a").reading == (
        "a linear classifier tells the two apart in 100 of 100 cases: a strong shift"
    )
    for m in inverted.measures:
        assert m.halves is not None
        assert m.baseline is not None
        if m.name == "cosine":
            assert m.halves < m.baseline.low
        elif m.name != "coral":  # inverting changes means, and signs of nothing that a covariance sees
            assert m.halves > m.baseline.high
    assert inverted.measure("mmd").p == 0.002
    assert "fit a probe on labels" in inverted.verdict


def test_coral_does_not_see_what_inverting_does(inverted: Similarity) -> None:
    assert inverted.measure("coral").reading == "no more than two halves of A differ"


def test_the_same_seed_gives_the_same_numbers() -> None:
    a, b = PIXELS[FIRST[:60]], PIXELS[SECOND[:60]]
    assert compare_features(a, b, seed=3) == compare_features(a, b, seed=3)


@pytest.mark.parametrize(
    ("n", "refused"),
    [
        (9, {"cosine", "mmd", "kid", "proxy_a", "auc", "frechet", "kl", "symmetric_kl", "coral", "otdd"}),
        (20, {"proxy_a", "auc", "frechet", "kl", "symmetric_kl", "coral", "otdd"}),
        (30, {"frechet", "kl", "symmetric_kl", "coral", "otdd"}),
        (60, {"otdd"}),
    ],
)
def test_what_so_few_samples_do_not_support_is_refused_with_what_is_needed(n: int, refused: set[str]) -> None:
    found = compare_features(PIXELS[FIRST[:n]], PIXELS[SECOND[:n]], LABELS[FIRST[:n]], LABELS[SECOND[:n]])
    assert {m.name for m in found.measures if m.refused} == refused
    for m in found.measures:
        assert (m.interval is None) == bool(m.refused)
        assert "needed" in m.refused or not m.refused
    assert ("too few" in found.verdict) == (n < 20)


def test_without_labels_there_is_no_distance_of_labelled_sets() -> None:
    assert "no labels" in compare_features(PIXELS[:30], PIXELS[30:60], LABELS[:30]).measure("otdd").refused


def test_features_that_do_not_vary_give_no_number_and_no_fault() -> None:
    found = compare_features(np.ones((60, 12)), np.ones((60, 12)))
    assert found.strength == "none shown"
    assert all(m.refused for m in found.measures)
    blank = compare_features(PIXELS[FIRST[:60]], np.zeros((60, 64)))
    assert blank.strength == "strong"
    assert {m.name for m in blank.measures if m.refused} == {"kl", "symmetric_kl", "otdd"}


@pytest.mark.parametrize(
    "b", [np.ones((5, 3)), np.ones((1, 4)), np.full((5, 4), np.nan)], ids=["another width", "one sample", "not finite"]
)
def test_features_that_cannot_be_compared_are_an_error(b: np.ndarray) -> None:
    with pytest.raises(DataError):
        compare_features(np.ones((5, 4)), b)


def test_a_shift_is_found_in_the_block_that_it_is_in() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300, 8))
    b[:, :4] += 1
    early, late = along_depth(a.astype("f"), b.astype("f"), (FeatureGroup("early", 0, 4), FeatureGroup("late", 4, 8)))
    assert early.mmd.low > early.baseline.high
    assert late.mmd.low < late.baseline.high
    assert along_depth(a[:10].astype("f"), b[:10].astype("f"), (FeatureGroup("early", 0, 4),)) == ()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.4, 0.3, 0.0, 0.0), "early blocks, as with"),
        ((0.0, 0.0, 0.2, 0.3), "late blocks: what is shown"),
        ((0.3, 0.3, 0.2, 0.2), "in early and in late"),
        ((0.0, 0.0, 0.0, 0.0), "No block"),
        ((0.4, 0.0), ""),
    ],
)
def test_where_the_shift_is_is_said_in_words(values: tuple[float, ...], said: str) -> None:
    none = Interval(0, -0.01, 0.01)
    found = where([BlockRow(str(i), Interval(v, v, v), none, None) for i, v in enumerate(values)])
    assert said in found
    assert bool(said) == bool(found)
