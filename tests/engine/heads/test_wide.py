from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifierCV
from torch.nn.functional import one_hot

from warmstart.engine.heads import wide
from warmstart.engine.heads.wide import fit_wide
from warmstart.errors import TrainingError
from warmstart.task.base import tasks


def problem(n: int, d: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    make = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    return torch.randn(n, d, generator=make) + one_hot(y, d), y


def test_it_is_scikit_learns_ridge_classifier_with_logits() -> None:
    (x, y), (new, truth) = problem(60, 200), problem(90, 200, seed=1)
    head, penalty = fit_wide(tasks["classify"], x, y, 3)
    theirs = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)).fit(x.numpy(), y.numpy())
    assert penalty == pytest.approx(theirs.alpha_)
    answers = head(new).detach()
    assert (answers.argmax(1).numpy() == theirs.predict(new.numpy())).all()
    assert float(torch.nn.functional.cross_entropy(answers, truth)) < np.log(3)


@pytest.mark.parametrize("d", [40, 300])
def test_many_samples_are_solved_as_few_are(monkeypatch: pytest.MonkeyPatch, d: int) -> None:
    x, y = problem(120, d)
    monkeypatch.setattr(wide, "PENALTIES", (3.0,))
    head, _ = fit_wide(tasks["regress"], x, one_hot(y).float(), 3)
    monkeypatch.setattr(wide, "MOST", 50)
    direct, _ = fit_wide(tasks["regress"], x, one_hot(y).float(), 3)
    torch.testing.assert_close(direct(x), head(x), atol=1e-4, rtol=1e-4)


def test_numbers_that_are_unknown_have_no_part() -> None:
    x, y = problem(30, 50)
    numbers = y[:, None].float()
    numbers[4] = torch.nan
    changed = x.clone()
    changed[4] = 100.0
    first, second = (fit_wide(tasks["regress"], rows, numbers, 1)[0] for rows in (x, changed))
    assert torch.equal(first.linear.weight, second.linear.weight)
    with pytest.raises(TrainingError, match="0 training samples"):
        fit_wide(tasks["regress"], x, torch.full((30, 1), torch.nan), 1)
