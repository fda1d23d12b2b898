from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score

from tests.select.transferability.support import clouds, softmax
from warmstart.select.transferability.leep import leep
from warmstart.select.transferability.nce import nce

SOURCE = [[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]]
LABELS = [0, 0, 1, 1]


def test_leep_of_four_samples_worked_out_by_hand() -> None:
    # both columns sum to 2; class 0 has 1.4 and 0.6 of them, class 1 the rest: P(0 | z) = .7, .3 and P(1 | z) = .3, .7
    first = 0.8 * 0.7 + 0.2 * 0.3  # P(y = 0 | x_1)
    second = 0.6 * 0.7 + 0.4 * 0.3
    third = 0.1 * 0.3 + 0.9 * 0.7
    fourth = 0.5 * 0.3 + 0.5 * 0.7
    assert (first, second, third, fourth) == pytest.approx((0.62, 0.54, 0.66, 0.5))
    assert leep(SOURCE, LABELS) == pytest.approx(np.log([0.62, 0.54, 0.66, 0.5]).mean())


def test_nce_of_a_table_worked_out_by_hand() -> None:
    # source answers 0, 0, 1, 0 (the first of equals): z = 0 has classes 0, 0, 1, and z = 1 has class 1 alone
    assert nce(SOURCE, LABELS) == pytest.approx((2 * np.log(2 / 3) + np.log(1 / 3)) / 4)


def test_nce_is_mutual_information_less_the_entropy_of_the_labels() -> None:
    features, labels = clouds(90, 5)
    answers = softmax(features).argmax(1)
    shares = np.bincount(labels) / 90
    expected = mutual_info_score(labels, answers) + (shares * np.log(shares)).sum()
    assert nce(softmax(features), labels) == pytest.approx(expected)


def test_leep_is_nce_where_the_source_head_is_certain() -> None:
    features, labels = clouds(60, 4)
    certain = np.eye(4)[features.argmax(1)]
    assert leep(certain, labels) == pytest.approx(nce(certain, labels))


@pytest.mark.parametrize("seed", range(3))
def test_leep_keeps_the_bounds_that_its_paper_proves(seed: int) -> None:
    features, labels = clouds(80, 6, seed=seed)
    source = softmax(features)
    certainty = np.log(source.max(1)).mean()
    assert leep(source, labels) >= nce(source, labels) + certainty  # property 1
    head = LogisticRegression(C=1e6, max_iter=5000).fit(np.log(source), labels)  # a better head on the same outputs
    best = log_softmax(head.decision_function(np.log(source)), axis=1)[np.arange(80), labels].mean()
    assert leep(source, labels) <= best  # property 2, whose heads hold LEEP's own


def test_a_source_that_says_nothing_leaves_the_entropy_of_the_labels() -> None:
    uniform = np.full((8, 5), 0.2)
    labels = [0, 0, 0, 0, 0, 0, 1, 1]
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert leep(uniform, labels) == pytest.approx(-entropy)
    assert nce(uniform, labels) == pytest.approx(-entropy)


def test_a_source_class_that_nobody_takes_for_likely_changes_nothing() -> None:
    wider = np.hstack([SOURCE, np.zeros((4, 1))])
    assert leep(wider, LABELS) == pytest.approx(leep(SOURCE, LABELS))
    assert nce(wider, LABELS) == pytest.approx(nce(SOURCE, LABELS))
