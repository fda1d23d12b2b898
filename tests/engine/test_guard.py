"""A loss that stops being finite costs an epoch and half the rate, never the weights."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from tests.engine.helpers import Told, identical, make_data, make_network, phase_plan
from warmstart.engine.loop import PhaseResult, run_phase
from warmstart.errors import TrainingError
from warmstart.recipe.phase import Phase
from warmstart.task.classify import CLASSIFY, Classify

PHASE = Phase(rates=(("*", 1e-3),), epochs=3, batch_size=8, schedule="constant")  # three steps per epoch


@dataclasses.dataclass(frozen=True)
class Flaky(Classify):
    """Classification whose training loss is not finite at the given calls."""

    bad: frozenset[int] = frozenset()
    calls: list[int] = dataclasses.field(default_factory=list)
    value: float = math.nan

    def loss(
        self, outputs: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, class_weights: Tensor | None = None
    ) -> Tensor:
        found = CLASSIFY.loss(outputs, targets, label_smoothing=label_smoothing, class_weights=class_weights)
        if not torch.is_grad_enabled() or not outputs.requires_grad:
            return found
        self.calls.append(len(self.calls))
        return found * self.value if self.calls[-1] in self.bad else found


def run(task: Flaky, told: Told | None = None, phase: Phase = PHASE) -> PhaseResult:
    network, data = make_network(), make_data()
    plan = phase_plan(phase, network, data)
    return run_phase(network, plan, data, task=task, seed=0, rung="test", listener=told or Told())


def finite(state: dict[str, Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in state.values())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_one_bad_step_goes_back_to_the_start_of_the_epoch_at_half_the_rate(value: float) -> None:
    told = Told()
    result = run(Flaky(bad=frozenset({4}), value=value), told)
    assert len(told.decided("back to the start of epoch 2 at 1/2 of the rate")) == 1
    assert finite(result.last)
    assert finite(result.best)
    assert [row.epoch for row in result.curve] == [1, 2, 3]
    assert [row.values["rate"] for row in result.curve] == pytest.approx([1e-3, 5e-4, 5e-4])


def test_a_rollback_is_exact() -> None:
    twice = PHASE.model_copy(update={"rates": (("*", 2e-3),), "ema": 0.9, "norm": "train"})
    never = run(Flaky(), phase=twice.model_copy(update={"rates": (("*", 1e-3),)}))
    once = run(Flaky(bad=frozenset({2})), phase=twice)  # two steps at the full rate are taken back
    assert identical(never.last, once.last)
    assert identical(never.best, once.best)


def test_after_three_attempts_it_is_an_error_with_an_exit_code() -> None:
    told = Told()
    with pytest.raises(TrainingError, match="does not stay finite") as caught:
        run(Flaky(bad=frozenset(range(100))), told)
    assert len(told.decided("of the rate")) == 3
    assert caught.value.exit_code != 0


def test_a_rate_that_explodes_never_leaves_a_non_finite_best() -> None:
    told = Told()
    phase = Phase(rates=(("*", 1e30),), optimizer="sgd", epochs=2, batch_size=8, clip=None, schedule="constant")
    with pytest.raises(TrainingError):
        run(Flaky(), told, phase)
    assert len(told.decided("of the rate")) == 3


def test_an_overflow_in_the_very_last_step_is_noticed() -> None:
    phase = Phase(rates=(("*", 1e36),), optimizer="sgd", epochs=1, batch_size=24, clip=None, schedule="constant")
    with pytest.raises(TrainingError, match="weights are not finite"):
        run(Flaky(bad=frozenset(range(100)), value=1e9), phase=phase)
