from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.heads.support import digits, share, wide
from warmstart.engine.heads import best_closed_form, closed_form
from warmstart.engine.heads.base import Problem
from warmstart.engine.heads.folds import floored, fold_of, out_of_fold, stratified_order
from warmstart.engine.heads.score import accuracy, best, log_loss, sharpness
from warmstart.engine.heads.threads import threads_for
from warmstart.errors import WarmstartError


def test_the_head_of_best_accuracy_on_samples_left_out_is_kept() -> None:
    features, labels, others, truth = digits()
    chosen = best_closed_form(features, labels, 10, ("class_means", "lda", "knn"), seed=0)
    compared = chosen.choice["heads"]
    assert set(compared) == {"class_means", "lda", "knn"}
    assert compared[chosen.name]["accuracy"] == max(row["accuracy"] for row in compared.values())
    assert share(chosen.logits(others), truth) > share(
        closed_form["class_means"](Problem.of(features, labels, 10)).logits(others), truth
    )


def test_a_head_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(WarmstartError, match="logistic"):
        best_closed_form(*wide(), 4, ("logistik",))


def test_equal_accuracy_is_decided_by_log_loss_at_the_best_scale() -> None:
    labels = np.array([0, 1, 0, 1])
    good = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [1.0, 0.9]])
    poor = torch.tensor([[0.1, 0.0], [0.0, 0.1], [2.0, 0.0], [9.0, 0.0]])
    chosen, factor, scores = best([poor, good * 100], labels)
    assert chosen == 1
    assert scores == [0.75, 0.75]
    assert factor == pytest.approx(sharpness(good, labels) / 100, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_sharpness_minimises_log_loss_whatever_the_scale(scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = np.arange(90) % 3
    outputs = (torch.eye(3)[torch.from_numpy(labels)] + torch.randn(90, 3, generator=generator)) * scale
    factor = sharpness(outputs, labels)
    there = log_loss(outputs * factor, labels)
    assert all(there <= log_loss(outputs * factor * other, labels) for other in (0.9, 0.99, 1.01, 1.1))


def test_outputs_that_say_nothing_have_no_scale() -> None:
    assert sharpness(torch.zeros(4, 2), np.array([0, 1, 0, 1])) == 1.0


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40), st.integers(2, 6), st.integers(0, 5))
def test_folds_are_stratified_and_of_equal_size(labels: list[int], folds: int, seed: int) -> None:
    fold = fold_of(np.array(labels), folds, seed)
    sizes = np.bincount(fold)
    assert len(sizes) <= folds
    assert sizes.max() - sizes.min() <= 1
    for label in set(labels):
        inside = np.bincount(fold[np.array(labels) == label], minlength=len(sizes))
        assert inside.max() - inside.min() <= 1


def test_folds_depend_on_the_seed_alone() -> None:
    labels = np.arange(50) % 5
    assert fold_of(labels, 5, 1).tolist() == fold_of(labels, 5, 1).tolist() != fold_of(labels, 5, 2).tolist()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 5))
def test_every_beginning_of_the_stratified_order_has_the_classes_in_their_shares(labels: list[int], seed: int) -> None:
    array = np.array(labels)
    order = stratified_order(array, seed)
    assert sorted(order.tolist()) == list(range(len(array)))
    for size in range(1, len(array) + 1):
        shares = np.bincount(array, minlength=4) * size / len(array)
        assert np.abs(np.bincount(array[order[:size]], minlength=4) - shares).max() <= 2


def test_each_sample_is_answered_by_a_fit_that_has_not_seen_it() -> None:
    features, labels = wide(12, 5, 2)
    fold = fold_of(labels, 3, 0)
    seen: list[int] = []

    def fit(x: torch.Tensor, _: object) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(len(x))
        return torch.zeros(2, 5, dtype=torch.float64), x.sum(0)[:2]

    outputs = out_of_fold(fit, features, labels, fold)
    assert seen == [8, 8, 8]
    expected = features[:, :2].sum(0) - torch.stack([features[torch.from_numpy(fold == f)].sum(0)[:2] for f in fold])
    assert torch.allclose(outputs, expected)


def test_minus_infinity_becomes_less_than_everything_else() -> None:
    assert floored(torch.tensor([[1.0, -torch.inf], [3.0, 2.0]])).tolist() == [[1.0, 0.0], [3.0, 2.0]]


def test_accuracy_counts_rows() -> None:
    assert accuracy(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1])) == 0.5


def fail_on_one_thread() -> None:
    with threads_for(1e3):
        raise ValueError(f"{torch.get_num_threads()} thread")


def test_small_work_runs_on_one_thread_and_the_number_is_put_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="1 thread"):
            fail_on_one_thread()
        assert torch.get_num_threads() == 2
        with threads_for(1e12):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
