from __future__ import annotations

import pytest
import torch

from tests.engine.heads.support import digits, share, wide
from warmstart.engine.heads import grid
from warmstart.engine.heads.base import Problem, closed_form
from warmstart.model.backbone import FeatureGroup

HALVES = (FeatureGroup("noise", 0, 64), FeatureGroup("digits", 64, 128))


def half_noise() -> tuple[Problem, torch.Tensor]:
    """Digits, after as many columns that say nothing; and the same for the test samples."""
    features, labels, others, _ = digits()
    noise = torch.randn(len(features) + len(others), 64, generator=torch.Generator().manual_seed(0))
    train, test = (torch.cat(pair, 1) for pair in ((noise[:200], features[:200]), (noise[600:], others)))
    return Problem.of(train, labels[:200], 10, HALVES), test


def test_every_candidate_is_in_the_table_with_its_scores_and_the_best_are_marked() -> None:
    choice = grid.fit(half_noise()[0]).choice
    rows = choice["candidates"]
    assert len(rows) == 3 + len(grid.RATES) * len(grid.DECAYS)
    assert {row["columns"] for row in rows if row["head"] == "blend"} == {"all", "noise", "digits"}
    chosen = [row for row in rows if row["chosen"]]
    assert len(chosen) == grid.KEPT
    assert sum(row["head"] == "adamw" for row in chosen) <= 1
    blends = {row["columns"]: row for row in rows if row["head"] == "blend"}
    assert blends["digits"]["log_loss"] < blends["noise"]["log_loss"]


def test_weights_outside_the_chosen_columns_are_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "KEPT", 1)
    problem, _ = half_noise()
    fitted = grid.fit(problem)
    assert fitted.choice["candidates"][0]["columns"] == "digits"
    linear = fitted.linear()
    assert linear is not None
    assert not linear[0][:, :64].any()
    assert linear[0][:, 64:].any()


def test_columns_that_say_nothing_cost_less_than_where_all_have_to_be_used() -> None:
    problem, test = half_noise()
    truth = digits()[3]
    scores = [share(closed_form[name](problem).logits(test), truth) for name in ("grid", "blend")]
    assert scores[0] > scores[1]


def test_without_groups_there_are_all_columns_and_the_heads_by_steps() -> None:
    features, labels = wide()
    rows = grid.fit(Problem.of(features, labels, 4)).choice["candidates"]
    assert {row["columns"] for row in rows} == {"all"}
    assert {(row["rate"], row["decay"]) for row in rows if row["head"] == "adamw"} == {
        (rate, decay) for rate in grid.RATES for decay in grid.DECAYS
    }
