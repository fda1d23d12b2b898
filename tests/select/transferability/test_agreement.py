from __future__ import annotations

import pytest
from scipy.stats import kendalltau

from warmstart.select.transferability import Agreement, rank_agreement

PROBE = [0.5, 0.6, 0.7, 0.8]


def numbers(agreement: Agreement) -> tuple[float, float, int]:
    assert agreement.weighted_tau is not None
    assert agreement.spearman is not None
    return agreement.weighted_tau, agreement.spearman, agreement.candidates


def test_the_same_order_agrees_and_the_opposite_disagrees() -> None:
    found = rank_agreement({"same": [1, 2, 3, 9], "opposite": [-1, -2, -3, -9]}, PROBE)
    assert numbers(found["same"]) == pytest.approx((1, 1, 4))
    assert numbers(found["opposite"]) == pytest.approx((-1, -1, 4))


def test_spearman_by_hand() -> None:
    # ranks 1 2 4 3 against 1 2 3 4: 1 - 6 (0 + 0 + 1 + 1) / (4 (16 - 1))
    assert rank_agreement({"m": [1, 2, 4, 3]}, PROBE)["m"].spearman == pytest.approx(0.8)


def test_a_mistake_among_the_best_weighs_more_in_tau_than_one_among_the_worst() -> None:
    best, worst = [1, 2, 4, 3], [2, 1, 3, 4]
    found = rank_agreement({"best": best, "worst": worst}, PROBE)
    assert kendalltau(best, PROBE).statistic == pytest.approx(kendalltau(worst, PROBE).statistic)
    assert numbers(found["best"])[0] < numbers(found["worst"])[0]


def test_candidates_without_a_score_are_left_out_and_three_are_needed() -> None:
    found = rank_agreement({"leep": [1, None, 3, 4], "nce": [1, None, None, float("nan")]}, PROBE)
    assert numbers(found["leep"]) == pytest.approx((1, 1, 3))
    assert (found["nce"].weighted_tau, found["nce"].spearman, found["nce"].candidates) == (None, None, 1)
    assert found["nce"].reason == "1 candidate has both a score and a probe; a rank correlation needs 3"


def test_no_order_is_no_agreement() -> None:
    assert "the same score" in rank_agreement({"m": [2, 2, 2, 2]}, PROBE)["m"].reason
    level = rank_agreement({"m": [1, 2, 3, 4]}, [0.5] * 4)["m"]
    assert level.spearman is None
    assert "the same probe accuracy" in level.reason


def test_scores_and_probes_are_of_the_same_candidates() -> None:
    with pytest.raises(ValueError, match="2 scores of m for 4 probes"):
        rank_agreement({"m": [1, 2]}, PROBE)
