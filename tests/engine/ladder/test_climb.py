from __future__ import annotations

import pytest

from tests.engine.helpers import Told
from tests.engine.ladder.helpers import Scripted, make_context
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.ladder.climb import climb
from warmstart.errors import Interrupted, TrainingError


def test_rungs_are_tried_in_order_and_the_best_on_validation_is_chosen() -> None:
    climbed = climb([Scripted("probe", 6), Scripted("tuned", 9), Scripted("late", 8)], make_context(), reserve=0)
    assert [(row.name, row.kept) for row in climbed.tried] == [("probe", True), ("tuned", True), ("late", False)]
    assert climbed.chosen == "tuned"
    assert climbed.tried[1].val["accuracy"] == 0.75


def test_a_rung_that_does_not_fit_the_time_left_is_skipped_and_says_so() -> None:
    told = Told()
    rungs = [Scripted("probe", 6), Scripted("long", 12, takes=90)]
    climbed = climb(rungs, make_context(seconds=60, listener=told), reserve=10)
    assert climbed.chosen == "probe"
    skipped = climbed.tried[1]
    assert skipped.skipped
    assert not skipped.kept
    assert skipped.why == "skipped: it needs about 90 s and 50 s of the budget are left"
    assert "long" not in climbed.contenders
    assert told.decided("long skipped: it needs about 90 s")


def test_what_is_reserved_for_the_end_is_not_spent() -> None:
    rungs = [Scripted("probe", 6), Scripted("long", 12, takes=30)]
    assert climb(rungs, make_context(seconds=60), reserve=0).chosen == "long"
    assert climb(rungs, make_context(seconds=60), reserve=40).chosen == "probe"


def test_the_first_candidate_is_tried_whatever_the_budget() -> None:
    rungs = [
        Scripted("scratch", 3, takes=1, role="baseline"),
        Scripted("probe", 6, takes=99),
        Scripted("more", 12, takes=1),
    ]
    climbed = climb(rungs, make_context(seconds=0), reserve=5)
    assert [row.skipped for row in climbed.tried] == [True, False, True]
    assert climbed.chosen == "probe"


def test_a_rung_whose_start_was_not_tried_is_skipped_with_the_reason() -> None:
    rungs = [Scripted("probe", 6), Scripted("tuned", 9, takes=99), Scripted("average", 12, after=("tuned",))]
    climbed = climb(rungs, make_context(seconds=10), reserve=0)
    assert climbed.tried[2].skipped
    assert climbed.tried[2].why == "skipped: it needs tuned, which was not tried"


def test_a_baseline_is_never_chosen_even_if_it_is_the_best() -> None:
    climbed = climb(
        [Scripted("pixels", 12, role="baseline"), Scripted("probe", 3), Scripted("tuned", 4)], make_context(), reserve=0
    )
    assert climbed.chosen == "tuned"
    assert climbed.tried[0].val["accuracy"] == 1.0
    assert not climbed.tried[0].kept


@pytest.mark.parametrize(("right", "word"), [(12, "worse than"), (4, "not told apart from"), (0, "better than")])
def test_it_says_how_what_was_chosen_stands_against_a_baseline(right: int, word: str) -> None:
    told = Told()
    rungs = [Scripted("minirocket", right, role="baseline"), Scripted("probe", 12 if right == 0 else 4)]
    climb(rungs, make_context(listener=told), reserve=0)
    assert told.decided(f"probe is {word} the baseline minirocket on validation")


def test_of_simple_baselines_the_first_is_always_tried_and_others_where_there_is_time() -> None:
    rungs = [
        Scripted("minirocket", 3, takes=99, role="baseline"),
        Scripted("multirocket_hydra", 3, takes=99, role="baseline"),
        Scripted("probe", 6),
    ]
    climbed = climb(rungs, make_context(seconds=60), reserve=0)
    assert [row.skipped for row in climbed.tried] == [False, True, False]


def test_the_recipe_a_user_asks_for_is_chosen_whatever_validation_and_the_clock_say() -> None:
    rungs = [Scripted("probe", 12), Scripted("mine", 2, takes=99), Scripted("probe again", 12)]
    climbed = climb(rungs, make_context(seconds=10), reserve=0, choose="mine")
    assert climbed.chosen == "mine"
    assert [(row.kept, row.why) for row in climbed.tried] == [
        (False, "to compare with"),
        (True, "asked for"),
        (False, "to compare with"),
    ]


def test_a_rung_whose_training_fails_does_not_take_the_others_with_it() -> None:
    rungs = [Scripted("probe", 6), Scripted("tuned", fails=True), Scripted("average", 9, after=("tuned",))]
    climbed = climb(rungs, make_context(), reserve=0)
    assert climbed.chosen == "probe"
    assert climbed.tried[1].why == "failed: the loss is not finite"
    assert climbed.tried[2].skipped


def test_the_failure_of_what_was_asked_for_is_an_error() -> None:
    with pytest.raises(TrainingError, match="not finite"):
        climb([Scripted("probe", 6), Scripted("mine", fails=True)], make_context(), reserve=0, choose="mine")


def test_without_any_result_there_is_an_error() -> None:
    with pytest.raises(TrainingError, match="no rung"):
        climb([Scripted("pixels", 6, role="baseline"), Scripted("probe", fails=True)], make_context(), reserve=0)


def test_a_stop_is_heard_between_rungs() -> None:
    flag = Interrupt()
    flag.stop()
    with pytest.raises(Interrupted, match="before rung probe"):
        climb([Scripted("probe", 6)], make_context(interrupt=flag), reserve=0)


def test_every_decision_is_told() -> None:
    told = Told()
    rungs = [Scripted("pixels", 1, role="baseline"), Scripted("probe", 6), Scripted("tuned", 3)]
    climb(rungs, make_context(listener=told), reserve=0)
    assert [event.text.split(":")[0] for event in told.decided("kept")] == [
        "pixels not kept",
        "probe kept",
        "tuned not kept",
    ]
