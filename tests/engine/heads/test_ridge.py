from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from tests.engine.heads.support import digits, wide
from warmstart.engine.heads.base import Problem, standardised
from warmstart.engine.heads.ridge import PENALTIES, RidgePath, fit

SHAPES = [(40, 150), (60, 20), (30, 30)]


@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize("share", [PENALTIES[0], 1.0, PENALTIES[-1]])
def test_left_out_outputs_are_those_of_n_refits(n: int, d: int, share: float) -> None:
    features, labels = wide(n, d)
    x, _, _ = standardised(features)
    y = torch.eye(4, dtype=torch.float64)[torch.from_numpy(labels)]
    path = RidgePath.of(x, y)
    penalty = share * path.scale
    refits = np.stack(
        [
            Ridge(alpha=penalty, solver="svd").fit(np.delete(x, i, 0), np.delete(y, i, 0)).predict(x[i : i + 1])[0]
            for i in range(n)
        ]
    )
    assert np.abs(path.left_out(penalty).numpy() - refits).max() < 1e-8


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_weights_are_those_of_scikit_learn(n: int, d: int) -> None:
    features, labels = wide(n, d)
    x, _, _ = standardised(features)
    y = torch.eye(4, dtype=torch.float64)[torch.from_numpy(labels)]
    weight, bias = RidgePath.of(x, y).weights(3.0)
    reference = Ridge(alpha=3.0).fit(x, y)
    assert torch.allclose(weight, torch.from_numpy(reference.coef_), atol=1e-9)
    assert torch.allclose(bias, torch.from_numpy(reference.intercept_), atol=1e-9)


def test_all_penalties_are_scored_and_the_best_is_chosen() -> None:
    features, labels, _, _ = digits()
    choice = fit(Problem.of(features, labels, 10)).choice
    scores = {row["penalty"]: row["accuracy"] for row in choice["path"]}
    assert len(scores) == 46
    assert scores[choice["penalty"]] == max(scores.values()) == choice["accuracy"]
    assert len(set(scores.values())) > 5
