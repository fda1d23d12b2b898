import dataclasses
import json

from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import DataFacts, PhasePlan
from warmstart.planning.table import COLUMNS, plan_dict, plan_rows, plan_text
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import Average


def test_the_text_says_what_trains_at_which_rate_and_what_is_stored(network: Network, facts: DataFacts) -> None:
    text = plan_text(compile_plan(load_recipe("gradual"), network, facts))
    assert text.startswith("gradual on toy; data: 100 training and 20 validation images, 3 classes, 32 px\nexpected: ")
    head = text.split("\n\n")[1]
    assert "1. phase 'head': 2 epochs of 4 steps" in head
    assert "frozen, eval" in head
    assert "1.00e-03" in head
    assert "'features'" in head
    assert "stored    activations, 9.6 kB: all below is frozen" in head
    assert "3.85e-04" in text
    assert "statistics fixed" in text


def test_of_texts_it_speaks_of_texts_and_tokens(network: Network, facts: DataFacts) -> None:
    plan = compile_plan(load_recipe("lp_ft"), network, facts)
    text = plan_text(dataclasses.replace(plan, data=dataclasses.replace(facts, kind="text")))
    assert "100 training and 20 validation texts, 3 classes, up to 32 tokens" in text
    assert "on frozen features at up to 32 tokens" in text
    assert "texts of up to 32 tokens a step" in text
    assert " px" not in text


def test_rows_have_a_line_for_every_block_and_the_counts_add_up(network: Network, facts: DataFacts) -> None:
    plan = compile_plan(load_recipe("bias_only"), network, facts)
    _, table = plan_rows(plan)
    assert [row[0] for row in table.rows] == [*[block.name for block in network.facts.chain.blocks], "head"]
    trained = sum(int(row[COLUMNS.index("trained")].replace(",", "")) for row in table.rows)
    step = plan.steps[1]
    assert isinstance(step, PhasePlan)
    assert trained == sum(group.numel for group in step.groups)
    assert "trains in part" in table.rows[0][-1]


def test_all_that_a_phase_does_beyond_plain_training_is_said(network: Network, facts: DataFacts) -> None:
    phase = Phase(
        rates=(("*", "auto"),),
        layer_decay=0.5,
        augment="light",
        mixup=0.2,
        cutmix=0.3,
        label_smoothing=0.1,
        class_weights="balanced",
        ema=0.9,
        l2_sp=0.1,
        early_stopping=3,
        start="best",
        norm="train",
    )
    text = plan_text(compile_plan(Recipe(name="x", steps=(phase, Average())), network, facts))
    assert "augmentation light, mixup 0.2, cutmix 0.3, label smoothing 0.1, class weights balanced" in text
    assert "average of weights 0.9, L2-SP 0.1" in text
    assert "stops after 3 epochs without gain, starts from the best weights so far" in text
    assert "auto x 0.5" in text
    assert "statistics move" in text
    assert "2. average 'average': of the weights before and after, shares 0, 0.25, 0.5, 0.75, 1" in text


def test_how_the_rate_falls_and_what_is_watched_is_said(network: Network, facts: DataFacts) -> None:
    text = plan_text(compile_plan(load_recipe("finetune_all", enough="1e-5"), network, facts))
    assert "2000 epochs of 10 steps, 10 images of 32 px a step, adam, plateau" in text
    assert "rates x 0.5 after 50 epochs without gain by more than 0.0001, down to x 0.1" in text
    assert "the epoch of the lowest training loss is the best, ends at a training loss of 1e-05" in text


def test_the_plan_is_json(network: Network, facts: DataFacts) -> None:
    plan = compile_plan(load_recipe("lp_ft"), network, facts)
    data = json.loads(json.dumps(plan_dict(plan)))
    assert [step["step"]["kind"] for step in data["steps"]] == ["closed_form", "phase"]
    names = {name for group in data["steps"][1]["groups"] for name in group["parameters"]}
    assert names | set(data["steps"][1]["frozen"]) == {name for name, _ in network.named_parameters()}
    assert data["steps"][1]["steps"] == 40
