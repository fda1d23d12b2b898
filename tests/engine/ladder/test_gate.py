from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.ladder.helpers import Scripted, answers, divided, make_context
from warmstart.engine.ladder.climb import climb
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.gate import FEW, Verdict, gate, has_benefit_of_the_doubt
from warmstart.evaluation.scoring import Merit
from warmstart.task.classify import CLASSIFY

TARGETS = torch.arange(12) % 3
DATA = divided(train=3, val=12, test=3)


def against(new: torch.Tensor, best: torch.Tensor) -> Verdict:
    return gate(CLASSIFY, "new", new, "best", best, TARGETS, seed=0)


def first(n: int) -> list[bool]:
    return [i < n for i in range(12)]


def test_one_more_validation_sample_right_is_enough() -> None:
    said = against(answers(TARGETS, first(9)), answers(TARGETS, first(8)))
    assert said.kept
    assert "+8.3 points of accuracy on validation against best" in said.why


def test_one_independent_unit_tells_no_interval() -> None:
    """As where all tiles of validation are of one photo."""
    new, best = answers(TARGETS, first(9)), answers(TARGETS, first(8))
    said = gate(CLASSIFY, "new", new, "best", best, TARGETS, seed=0, units=np.zeros(12, np.int64))
    assert said.kept
    assert said.why.endswith("(one independent unit tells no interval)")


def test_fewer_right_is_never_kept_however_sure() -> None:
    said = against(answers(TARGETS, first(8), sure=50), answers(TARGETS, first(9), sure=0.1))
    assert not said.kept
    assert "-8.3 points" in said.why


def test_of_equals_the_one_with_the_lower_calibrated_log_loss_is_kept() -> None:
    flat = answers(TARGETS, first(9), sure=1.0)
    knowing = flat.clone()
    knowing[:9] *= 6.0  # surer where it is right: no temperature gives that to the other
    said = against(knowing, flat)
    assert said.kept
    assert "equal accuracy, loss lower by" in said.why
    assert not against(flat, knowing).kept


def test_confidence_alone_brings_nothing_since_a_temperature_repairs_it() -> None:
    modest, boastful = answers(TARGETS, first(9), sure=1.5), answers(TARGETS, first(9), sure=30.0)
    modest_loss, boastful_loss = (-Merit.of(CLASSIFY, o, TARGETS).gain for o in (modest, boastful))
    assert math.isclose(modest_loss, boastful_loss, abs_tol=1e-3)


def test_the_same_answers_again_are_not_kept() -> None:
    outputs = answers(TARGETS, first(9))
    assert not against(outputs, outputs.clone()).kept


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0.2, 1.0, 5.0])), min_size=1, max_size=5))
def test_what_is_chosen_is_never_worse_on_validation_than_the_probe(rungs: list[tuple[int, float]]) -> None:
    ladder = [Scripted(f"r{i}", right, sure=sure) for i, (right, sure) in enumerate(rungs)]
    climbed = climb(ladder, make_context(DATA), reserve=0)
    accuracy = {row.name: row.val["accuracy"] for row in climbed.tried}
    assert accuracy[climbed.chosen] == max(accuracy.values()) >= accuracy["r0"]
    kept = [row.name for row in climbed.tried if row.kept]
    assert kept[-1] == climbed.chosen
    losses = {row.name: row.val["log_loss"] for row in climbed.tried}
    if accuracy["r0"] == accuracy[climbed.chosen]:
        assert losses[climbed.chosen] <= losses["r0"]


def test_a_mixture_must_gain_more_than_chance_explains() -> None:
    few, more, many = (answers(TARGETS, first(n)) for n in (6, 7, 10))
    assert not gate(CLASSIFY, "average", more, "best", few, TARGETS, seed=0, mixture=True).kept
    assert gate(CLASSIFY, "tuned", more, "best", few, TARGETS, seed=0).kept
    assert gate(CLASSIFY, "average", many, "best", few, TARGETS, seed=0, mixture=True).kept


def test_an_ensemble_has_the_benefit_of_the_doubt_where_validation_samples_are_few() -> None:
    probe, equal = answers(TARGETS, first(6)), answers(TARGETS, first(6)[::-1])
    said = gate(CLASSIFY, "ensemble", equal, "probe", probe, TARGETS, seed=0, mixture=True, doubt=True)
    assert said.kept
    assert "no worse than probe on only 12 validation samples" in said.why
    worse = answers(TARGETS, first(5))
    assert not gate(CLASSIFY, "ensemble", worse, "probe", probe, TARGETS, seed=0, mixture=True, doubt=True).kept


@pytest.mark.parametrize(
    ("made_of", "settings", "samples", "expected"),
    [
        (("probe", "lp_ft"), {}, FEW - 1, True),
        (("probe", "lp_ft"), {}, FEW, False),
        (("lp_ft",), {"alpha": 0.5}, FEW - 1, False),
        ((), {}, FEW - 1, False),
    ],
)
def test_only_an_ensemble_has_it_and_only_there(
    made_of: tuple[str, ...], settings: dict[str, object], samples: int, expected: bool
) -> None:
    contender = Contender("x", lambda i: torch.empty(0), torch.empty(0), settings=settings, made_of=made_of)
    assert has_benefit_of_the_doubt(contender, samples) == expected


def test_an_ensemble_is_measured_against_the_probe_and_not_against_the_luckiest_rung() -> None:
    parts = ("probe", "lucky")
    ensemble = Scripted("ensemble", 7, after=parts, made_of=parts, free=False)
    rungs = [Scripted("probe", 6), Scripted("lucky", 9), ensemble]
    assert climb(rungs, make_context(), reserve=0).chosen == "ensemble"


def test_a_mixture_is_not_kept_for_being_surer() -> None:
    sure, unsure = 4 * torch.eye(3)[TARGETS], 1.5 * torch.eye(3)[TARGETS]
    unsure[0], sure[0] = torch.tensor([0.0, 1.4, 1.5]), torch.tensor([0.0, 1.4, 1.5])
    cheap = gate(CLASSIFY, "ensemble", sure, "best", unsure, TARGETS, seed=0)
    dear = gate(CLASSIFY, "ensemble", sure, "best", unsure, TARGETS, seed=0, mixture=True)
    assert cheap.kept
    assert not dear.kept
    assert "too little for a mixture" in dear.why


def test_what_is_favoured_needs_only_be_no_worse_where_validation_samples_are_few() -> None:
    equal, contender = answers(TARGETS, first(9)), Contender("new", lambda _: torch.empty(0), torch.empty(0))
    assert has_benefit_of_the_doubt(contender, FEW - 1, favoured=True)
    assert not has_benefit_of_the_doubt(contender, FEW, favoured=True)
    assert not has_benefit_of_the_doubt(contender, FEW - 1)
    said = gate(CLASSIFY, "new", equal, "best", equal, TARGETS, seed=0, doubt=True)
    assert said.kept
    assert "new that is no worse than best on only 12 validation samples" in said.why
    worse = answers(TARGETS, first(8))
    assert not gate(CLASSIFY, "new", worse, "best", equal, TARGETS, seed=0, doubt=True).kept
