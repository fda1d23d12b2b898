from __future__ import annotations

import pytest
import torch
from torch import Tensor

from warmstart.engine.heads.numbers import fit_numbers
from warmstart.engine.heads.of_task import fit_head
from warmstart.errors import RecipeError, TrainingError
from warmstart.task.base import tasks


def problem(n: int = 60, d: int = 8, k: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    make = torch.Generator().manual_seed(seed)
    x, weights = torch.randn(n, d, generator=make), torch.randn(d, k, generator=make)
    return x, x @ weights + 0.1 * torch.randn(n, k, generator=make)


def test_numbers_that_features_hold_are_found() -> None:
    x, y = problem()
    fitted, (new, truth) = fit_numbers(x, y, labels=False), problem(seed=0)
    assert float((fitted.logits(new) - truth).square().mean()) < 0.05 * float(truth.var())


def test_left_out_answers_are_those_of_fits_without_the_sample() -> None:
    x, y = problem(n=30)
    fitted = fit_numbers(x, y, labels=False)
    rows = ((x - x.mean(0)) / x.std(0, correction=0)).double()
    penalty = fitted.choice["penalty"]
    for i in (0, 17):
        keep = torch.arange(30) != i
        inside, truth = rows[keep], y[keep].double()
        centred = inside - inside.mean(0)
        weight = torch.linalg.solve(centred.T @ centred + penalty * torch.eye(8), centred.T @ (truth - truth.mean(0)))
        torch.testing.assert_close(
            fitted.cv_outputs[i].double(), truth.mean(0) + (rows[i] - inside.mean(0)) @ weight, atol=1e-4, rtol=1e-4
        )


def test_labels_get_logits_that_mean_what_they_say() -> None:
    x, y = problem(n=2000, k=3)
    make = torch.Generator().manual_seed(1)
    labels = (torch.rand(y.shape, generator=make) < y.sigmoid()).float()
    said = fit_numbers(x, labels, labels=True).cv_outputs.sigmoid()
    for share in (0.2, 0.5, 0.8):
        near = (said - share).abs() < 0.1
        assert float(labels[near].mean()) == pytest.approx(share, abs=0.07)


def test_a_label_that_all_have_or_none_is_answered_so_and_one_that_is_unknown_has_no_part() -> None:
    x, _ = problem(n=20)
    labels = torch.stack([torch.ones(20), torch.zeros(20), (x[:, 0] > 0).float()], 1)
    labels[3] = float("nan")
    fitted = fit_numbers(x, labels, labels=True)
    outputs = fitted.logits(x)
    assert bool((outputs[:, 0] > 2).all())
    assert bool((outputs[:, 1] < -2).all())
    assert fitted.cv_outputs[3].isnan().all()
    changed = x.clone()
    changed[3] = 99.0
    torch.testing.assert_close(fit_numbers(changed, labels, labels=True).logits(x), outputs)


@pytest.mark.parametrize("spoil", [float("nan"), float("inf")])
def test_what_cannot_be_fitted_is_said(spoil: float) -> None:
    x, y = problem(n=10)
    with pytest.raises(TrainingError, match="0 training samples"):
        fit_numbers(x, torch.full_like(y, torch.nan), labels=False)
    x[2, 2] = spoil
    with pytest.raises(TrainingError, match="not finite"):
        fit_numbers(x, y, labels=False)


def test_a_task_without_a_closed_form_is_refused() -> None:
    with pytest.raises(RecipeError, match="no closed form"):
        fit_head(tasks["generate"], torch.zeros(2, 2), torch.zeros(2, 2), 0)
