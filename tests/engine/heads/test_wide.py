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
    found = fit_wide(tasks["classify"], x, y, 3, scaled=True)
    theirs = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)).fit(x.numpy(), y.numpy())
    assert found.choice["penalty"] == pytest.approx(theirs.alpha_)
    answers = found.logits(new)
    assert (answers.argmax(1).numpy() == theirs.predict(new.numpy())).all()
    assert float(torch.nn.functional.cross_entropy(answers, truth)) < np.log(3)


@pytest.mark.parametrize("d", [40, 300])
def test_many_samples_are_solved_as_few_are(monkeypatch: pytest.MonkeyPatch, d: int) -> None:
    x, y = problem(120, d)
    monkeypatch.setattr(wide, "PENALTIES", (3.0,))
    few = fit_wide(tasks["regress"], x, one_hot(y).float(), 3)
    monkeypatch.setattr(wide, "MOST", 50)
    many = fit_wide(tasks["regress"], x, one_hot(y).float(), 3)
    torch.testing.assert_close(many.logits(x), few.logits(x), atol=1e-4, rtol=1e-4)


def test_what_is_left_out_of_a_fit_on_some_is_answered_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = problem(120, 40)
    monkeypatch.setattr(wide, "MOST", 50)
    cv = fit_wide(tasks["classify"], x, y, 3).cv_outputs
    assert cv.shape == (120, 3)
    noise = fit_wide(tasks["classify"], torch.randn(120, 400, generator=torch.Generator().manual_seed(2)), y, 3)
    assert float((cv.argmax(1) == y).float().mean()) > 0.45
    assert float((noise.cv_outputs.argmax(1) == y).float().mean()) < 0.6


def test_features_are_standardised_unless_they_are_scaled() -> None:
    (x, y), (new, _) = problem(60, 200), problem(20, 200, seed=1)
    scale = torch.linspace(0.1, 9, 200)
    one, other = (fit_wide(tasks["classify"], rows, y, 3) for rows in (x, 7 + x * scale))
    torch.testing.assert_close(one.logits(new), other.logits(7 + new * scale), atol=1e-3, rtol=1e-3)


def test_numbers_that_are_unknown_have_no_part() -> None:
    x, y = problem(30, 50)
    numbers = y[:, None].float()
    numbers[4] = torch.nan
    changed = x.clone()
    changed[4] = 100.0
    first, second = (fit_wide(tasks["regress"], rows, numbers, 1) for rows in (x, changed))
    assert torch.equal(first.logits(x), second.logits(x))
    assert first.cv_outputs.isnan().nonzero().tolist() == [[4, 0]]
    with pytest.raises(TrainingError, match="0 training samples"):
        fit_wide(tasks["regress"], x, torch.full((30, 1), torch.nan), 1)
