from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tests.engine.heads.support import digits, share, wide
from warmstart.engine.heads import logistic
from warmstart.engine.heads.base import Problem, standardised
from warmstart.engine.heads.folds import fold_of
from warmstart.engine.heads.logistic import fit, path, rotated, solve
from warmstart.engine.heads.softmax import Dense


@pytest.mark.parametrize(("n", "d"), [(40, 150), (60, 20), (30, 30)])
def test_rotation_loses_nothing(n: int, d: int) -> None:
    x, _, _ = standardised(wide(n, d)[0])
    scores, axes = rotated(x)
    assert scores.shape[1] <= min(n, d)
    assert torch.allclose(scores @ axes.T, x, atol=1e-9)
    assert torch.allclose(axes.T @ axes, torch.eye(axes.shape[1], dtype=torch.float64), atol=1e-9)


@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize(("n", "d"), [(40, 150), (60, 20)])
def test_the_solution_is_that_of_scikit_learn(n: int, d: int, strength: float) -> None:
    features, labels = wide(n, d)
    x, _, _ = standardised(features)
    scores, axes = rotated(x)
    weight, bias = solve(Dense.of(scores), labels, 4, strength, 1e-12)
    reference = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000).fit(x, labels)
    assert np.allclose(weight @ axes.T, reference.coef_, atol=5e-5)
    assert np.allclose(bias - bias.mean(), reference.intercept_ - reference.intercept_.mean(), atol=2e-4)


def test_two_classes_are_a_softmax_of_two() -> None:
    features, labels = wide(40, 20, 2)
    x, _, _ = standardised(features)
    scores, axes = rotated(x)
    weight, _ = solve(Dense.of(scores), labels, 2, 0.1, 1e-12)
    # Two opposite rows of half the size cost half of what one row costs, so one row has to have twice the C.
    single = LogisticRegression(C=0.2, tol=1e-8, max_iter=10_000).fit(x, labels)
    assert np.allclose((weight[1] - weight[0]) @ axes.T, single.coef_[0], atol=1e-4)


def test_every_fold_of_the_path_is_a_fit_without_it() -> None:
    features, labels = wide(60, 80)
    x, _, _ = standardised(features)
    scores, _ = rotated(x)
    fold = fold_of(labels, 5, 0)
    strengths = (1e-4, 1e-3, 1e-2)
    outputs, _ = path(scores, labels, 4, fold, strengths)
    for strength, found in zip(strengths, outputs, strict=True):
        for number in range(5):
            left = fold == number
            reference = LogisticRegression(C=strength, tol=1e-6, max_iter=1000).fit(x[~left], labels[~left])
            expected = torch.from_numpy(reference.predict_proba(x[left].numpy()))
            assert torch.allclose(found[torch.from_numpy(left)].double().softmax(1), expected, atol=0.01)


def test_it_is_as_accurate_as_scikit_learn_at_its_best_strength() -> None:
    features, labels, others, truth = digits()
    x, mean, std = standardised(features)
    z = torch.where(std == 1, 0.0, (others - mean) / std)
    best = max(LogisticRegression(C=c, max_iter=2000).fit(x, labels).score(z, truth) for c in (1e-2, 1e-1, 1.0))
    assert share(fit(Problem.of(features, labels, 10)).logits(others), truth) >= best - 0.01


def test_the_path_ends_where_only_noise_is_fitted() -> None:
    features, _ = wide(60, 100)
    labels = np.random.default_rng(1).permutation(60) % 4
    choice = fit(Problem.of(features, labels, 4)).choice
    assert len(choice["path"]) < len(logistic.STRENGTHS)
    assert choice["C"] < 1e-2


def test_the_choice_is_made_on_a_part_of_many_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels, others, truth = digits()
    monkeypatch.setattr(logistic, "MOST_FOR_PATH", 250)
    fitted = fit(Problem.of(features, labels, 10))
    assert fitted.cv_outputs.shape == (600, 10)
    assert share(fitted.cv_outputs, labels) == pytest.approx(share(fitted.logits(others), truth), abs=0.03)
    assert share(fitted.logits(others), truth) > 0.93


def test_a_class_that_a_fold_lacks_is_never_its_answer() -> None:
    features, labels = wide(21, 30, 2)
    labels[-1] = 2
    fitted = fit(Problem.of(features, labels, 3))
    assert fitted.cv_outputs[-1].argmax() != 2
    assert share(fitted.logits(features), labels) > 0.9
