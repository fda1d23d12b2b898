from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.ladder.ucr import of, series_context
from warmstart.data.schema import ClassTarget, Split
from warmstart.engine.ladder.contender import Contender, Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Role
from warmstart.engine.ladder.settle import as_settled, settle
from warmstart.evaluation.outcome import Rung as Tried
from warmstart.recipe.methods import load_recipe


def run(train: int, val: int) -> LadderContext:
    n = train + val
    dataset = of([np.zeros((1, 12))] * n, [str(i % 2) for i in range(n)], ClassTarget(("0", "1")))
    order = np.arange(n)
    return series_context(dataset, Split(order[:train], order[train:], order[:0], how="by hand"))


def answers(context: LadderContext, indices: np.ndarray, right: float) -> Tensor:
    """Logits of which the first share is right."""
    truth = context.data.targets(indices)
    said = torch.where(torch.arange(len(truth)) < round(right * len(truth)), truth, 1 - truth)
    return 4.0 * torch.nn.functional.one_hot(said, 2).float()


def contender(
    context: LadderContext, name: str, val: float, left_out: float | None = None, made_of: tuple[str, ...] = ()
) -> Contender:
    split = context.data.split
    outputs = answers(context, split.val, val)
    held = None if left_out is None else answers(context, split.train, left_out)
    member = Member(context.network(), 1, load_recipe("probe"))
    return Contender(name, lambda _: outputs, outputs, (member,), made_of=made_of, left_out=held)


def rung(name: str, role: Role, val: dict[str, float] | None = None) -> Tried:
    return Tried(name, "", role, val or {}, 0.0, role == "candidate", "as it was")


def settled(context: LadderContext, *contenders: Contender) -> tuple[str, str]:
    """The first is the baseline, the last the best transfer."""
    of_val = context.data.targets(context.data.split.val)
    tried = [
        rung(one.name, "baseline" if i == 0 else "candidate", context.task.metrics(one.val_outputs, of_val))
        for i, one in enumerate(contenders)
    ]
    return settle(contenders[-1].name, tried, {one.name: one for one in contenders}, context)


@pytest.mark.parametrize(("transfer", "chosen"), [(0.9, "probe"), (0.8, "rocket"), (0.7, "rocket")])
def test_with_many_validation_samples_these_settle_it(transfer: float, chosen: str) -> None:
    context = run(100, 100)
    rocket, probe = contender(context, "rocket", 0.8, 0.2), contender(context, "probe", transfer, 0.9)
    assert settled(context, rocket, probe)[0] == chosen


def test_with_few_a_transfer_has_to_be_told_apart_by_left_out_training_samples_too() -> None:
    context = run(60, 10)
    rocket = contender(context, "rocket", 0.6, 0.6)
    assert settled(context, rocket, contender(context, "probe", 0.9, 0.6))[0] == "rocket"
    assert settled(context, rocket, contender(context, "probe", 0.9, 0.95))[0] == "probe"
    name, why = settled(context, rocket, contender(context, "probe", 0.5, 0.7))
    assert name == "rocket"
    assert "10 validation samples and 60 training samples left out of fits" in why


def test_an_ensemble_has_the_left_out_answers_of_its_first_member() -> None:
    context = run(60, 10)
    rocket, probe = contender(context, "rocket", 0.6, 0.6), contender(context, "probe", 0.6, 0.95)
    both = contender(context, "ensemble", 0.9, made_of=("probe",))
    assert settled(context, rocket, probe, both)[0] == "ensemble"


def test_without_left_out_answers_validation_has_to_do() -> None:
    context = run(60, 10)
    rocket = contender(context, "rocket", 0.3)
    name, why = settled(context, rocket, contender(context, "probe", 1.0))
    assert name == "probe"
    assert why.endswith("on 10 validation samples")
    assert settled(context, rocket, contender(context, "probe", 0.4))[0] == "rocket"


def test_a_baseline_that_is_no_network_and_one_without_validation_settle_nothing() -> None:
    context = run(60, 10)
    rocket, probe = contender(context, "rocket", 1.0, 1.0), contender(context, "probe", 0.0, 0.0)
    assert settled(context, dataclasses.replace(rocket, members=()), probe) == ("probe", "")
    tried = [rung("rocket", "baseline"), rung("probe", "candidate")]
    nothing = run(60, 0)
    assert settle("probe", tried, {"rocket": rocket, "probe": probe}, nothing) == ("probe", "")


def test_the_rung_says_why_it_is_shipped() -> None:
    tried = [rung("rocket", "baseline"), rung("probe", "candidate")]
    rocket, probe = as_settled(tried, "rocket", "probe", "because")
    assert (rocket.kept, rocket.why) == (True, "no transfer beat it: because")
    assert probe.why == "as it was"
    assert as_settled(tried, "probe", "probe", "because") == tuple(tried)
