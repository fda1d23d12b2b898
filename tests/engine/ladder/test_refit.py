from __future__ import annotations

import dataclasses

from tests.engine.helpers import Told, identical
from tests.engine.ladder.helpers import Scripted, divided, make_context
from warmstart.engine.ladder.climb import Climbed, climb, everything, refit
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe


def climbed_to(rung: RecipeRung, context: LadderContext) -> Climbed:
    return climb([rung], context, reserve=0)


def test_train_and_validation_come_together_and_the_test_stays_out() -> None:
    data = divided(6, 3, 3)
    merged = everything(data)
    assert merged.split.train.tolist() == list(range(9))
    assert len(merged.split.val) == 0
    assert merged.split.test.tolist() == data.split.test.tolist()
    assert data.split.train.tolist() == list(range(6))


def test_the_parts_of_a_mixture_are_fitted_again_first_each_once_and_the_rest_is_not() -> None:
    rungs = [
        Scripted("probe", 1),
        Scripted("tuned", 2),
        Scripted("unused", 3),
        Scripted("average", 4, made_of=("tuned",)),
        Scripted("ensemble", 9, made_of=("probe", "tuned", "average")),
    ]
    context = make_context()
    again = refit(climb(rungs, context, reserve=0), rungs, context, reserve=0)
    assert list(again) == ["probe", "tuned", "average", "ensemble"]
    final = again["ensemble"]
    order = {rung.name: [before for _, before in rung.seen] for rung in rungs}
    assert order == {
        "probe": [()],
        "tuned": [("probe",)],
        "unused": [],
        "average": [("probe", "tuned")],
        "ensemble": [("probe", "tuned", "average")],
    }
    data, _ = rungs[0].seen[0]
    assert len(data.split.train) == 36
    assert len(data.split.val) == 0
    assert final.settings == {"share": 0.5}


def test_it_is_left_out_where_the_budget_lacks_the_time() -> None:
    told = Told()
    context = make_context(seconds=50, listener=told)
    rungs = [Scripted("probe", 6)]
    climbed = climb(rungs, context, reserve=0)
    slow = dataclasses.replace(climbed, tried=(dataclasses.replace(climbed.tried[0], seconds=40.0),))
    assert refit(slow, rungs, context, reserve=0) == {}  # 40 s for 24 samples are 60 s for 36
    assert told.decided("not fitted again on train and validation together: about 60 s")
    assert rungs[0].seen == []


def test_one_that_the_deadline_cut_short_is_not_used() -> None:
    told = Told()
    context, rungs = make_context(listener=told), [Scripted("probe", 6, stops="deadline")]
    assert refit(climb(rungs, context, reserve=0), rungs, context, reserve=0) == {}
    assert told.decided("given up: the deadline cut probe short")


def test_one_that_fails_leaves_what_was_chosen() -> None:
    told = Told()
    context, rungs = make_context(listener=told), [Scripted("probe", 6)]
    climbed = climb(rungs, context, reserve=0)
    rungs[0].fails = True
    assert refit(climbed, rungs, context, reserve=0) == {}
    assert told.decided("given up: the loss is not finite")


def test_it_is_the_same_as_running_the_recipe_on_all_labels() -> None:
    context = make_context()
    rung = RecipeRung("tuned", "", load_recipe("finetune", from_block=-1, epochs=2, batch_size=8))
    final = refit(climbed_to(rung, context), [rung], context, reserve=0)["tuned"]
    alone = context.within(everything(context.data), "alone").run(rung.recipe, "tuned").network
    assert identical(dict(final.members[0].network.state_dict()), dict(alone.state_dict()))


def stopping(rate: float, patience: int = 2, epochs: int = 12) -> Recipe:
    tune = Phase(
        name="head",
        rates=(("head", rate), ("*", None)),
        epochs=epochs,
        batch_size=8,
        schedule="constant",
        early_stopping=patience,
    )
    then = Phase(name="all", rates=(("*", 1e-6),), epochs=3, batch_size=8, start="best")
    return Recipe(name="stopping", steps=(tune, then))


def test_nothing_is_left_to_choose_and_a_phase_that_stopped_early_is_as_long_as_it_was_good_for() -> None:
    context = make_context()
    rung = RecipeRung("tuned", "", stopping(0.3))
    climbed = climbed_to(rung, context)
    rows = [row for row in climbed.contenders["tuned"].curve if row.phase == "head"]
    assert len(rows) < 12, "this recipe is meant to stop early"
    final = refit(climbed, [rung], context, reserve=0)["tuned"]
    head, then = final.members[0].recipe.steps
    assert isinstance(head, Phase)
    assert isinstance(then, Phase)
    assert head.early_stopping is None
    assert then.start == "last"
    assert then.epochs == 3
    best = max(rows, key=lambda row: (row.values["val_accuracy"], -row.values["val_loss"])).epoch
    assert head.epochs == best == sum(row.phase == "head" for row in final.curve)


def test_the_probe_and_the_pixels_are_fitted_again_on_the_same_labels_to_be_compared_with() -> None:
    rungs = [Scripted("pixels", 0), Scripted("probe", 1), Scripted("tuned", 9), Scripted("unused", 2)]
    rungs[0].role = "baseline"
    context = make_context()
    again = refit(climb(rungs, context, reserve=0), rungs, context, reserve=0)
    assert list(again) == ["tuned", "probe", "pixels"]
    assert {len(rung.seen[0][0].split.train) for rung in rungs[:3]} == {36}
