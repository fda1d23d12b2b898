import itertools
import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from warmstart.errors import RecipeError
from warmstart.recipe.phase import PlateauRule
from warmstart.recipe.schedule import Plateau, factor

NAMES = ["constant", "cosine", "one_cycle", "slanted_triangular", "exponential", "plateau"]


@given(st.sampled_from(NAMES), st.integers(0, 400), st.integers(0, 300), st.floats(0, 0.99, allow_nan=False))
def test_every_multiplier_lies_between_zero_and_one(name: str, step: int, total: int, warmup: float) -> None:
    assert 0 <= factor(name, step, total, warmup) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_the_first_step_is_never_lost(name: str) -> None:
    assert factor(name, 0, 100, 0.1) > 0


def test_slanted_triangular_has_the_values_of_the_paper() -> None:
    # Howard & Ruder 2018, eq. 3, by hand for T = 100, cut_frac = 0.1, ratio = 32: cut = 10.
    by_hand = {0: 1 / 32, 5: (1 + 0.5 * 31) / 32, 10: 1.0, 55: (1 + 0.5 * 31) / 32, 99: (1 + (1 / 90) * 31) / 32}
    assert {step: factor("slanted_triangular", step, 100) for step in by_hand} == pytest.approx(by_hand)


@pytest.mark.parametrize("total", [3, 9, 19, 29, 101])
def test_slanted_triangular_never_falls_below_its_floor(total: int) -> None:
    assert min(factor("slanted_triangular", step, total) for step in range(total)) >= 1 / 32


def test_cosine_rises_linearly_and_then_falls() -> None:
    values = [factor("cosine", step, 100, 0.2) for step in range(100)]
    rises = [b - a for a, b in itertools.pairwise(values[:20])]
    assert rises == pytest.approx([1 / 21] * 19)
    assert values[20] == 1.0
    assert values[60] == pytest.approx(0.5)
    assert all(b < a for a, b in itertools.pairwise(values[20:]))


@pytest.mark.parametrize("total", [4, 10, 57, 200])
def test_one_cycle_equals_pytorch(total: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=total)
    for step in range(total):
        assert factor("one_cycle", step, total) == pytest.approx(reference.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        if step < total - 1:
            reference.step()


def test_an_unknown_schedule_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="'cosine'"):
        factor("cosin", 0, 10)


def test_plateau_cuts_after_its_patience_and_starts_counting_anew() -> None:
    plateau = Plateau(patience=2)
    assert [plateau.update(score) for score in (0.5, 0.4, 0.4, 0.4, 0.4, 0.6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_plateau_never_goes_below_its_least_and_nan_is_no_gain() -> None:
    plateau = Plateau(patience=1)
    assert [plateau.update(math.nan) for _ in range(20)][-1] == 0.01


def test_plateau_counts_a_gain_only_where_it_is_large_enough() -> None:
    plateau = Plateau.of(PlateauRule(patience=2, factor=0.25, least=0.1, delta=0.1))
    assert [plateau.update(score) for score in (0.5, 0.55, 0.59, 0.65, 0.7, 0.7)] == [1, 1, 0.25, 0.25, 0.25, 0.1]


@pytest.mark.parametrize("patience", [1, 3])
def test_plateau_cuts_where_pytorch_does(patience: int) -> None:
    losses = [1.0, 0.9, 0.95, 0.8, 0.8, 0.8, 0.8, 0.81, 0.7, 0.71, 0.72, 0.73, 0.74, 0.75]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    # PyTorch cuts when more than `patience` epochs brought nothing, Keras and we when so many did.
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience - 1, threshold=1e-4, threshold_mode="abs", min_lr=0.1
    )
    plateau = Plateau.of(PlateauRule(patience=patience, least=0.1, delta=1e-4))
    for loss in losses:
        reference.step(loss)
        assert plateau.update(-loss) == pytest.approx(optimizer.param_groups[0]["lr"])


@given(st.lists(st.floats(0, 1), max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_plateau_goes_on_from_its_state(before: list[float], after: list[float]) -> None:
    first = Plateau()
    for score in before:
        first.update(score)
    second = Plateau()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert [first.update(score) for score in after] == [second.update(score) for score in after]
