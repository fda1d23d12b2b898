from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warmstart.errors import RecipeError
from warmstart.recipe.episodic import Meta
from warmstart.recipe.of_backbone import Contrastive, Pretrain
from warmstart.recipe.phase import Phase, PlateauRule
from warmstart.recipe.recipe import Edits, Recipe
from warmstart.recipe.step import Average, ClosedForm, Step
from warmstart.recipe.text import from_yaml, to_yaml

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12)
positive = st.floats(1e-8, 10, allow_nan=False)
patterns = st.sampled_from(["head", "block:-1", "block:2..", "depth:0.5", "bias | norm", "blocks.*", "3", "no", "*"])
tables = st.dictionaries(patterns, positive | st.just("auto") | st.none(), min_size=1).map(lambda t: tuple(t.items()))
phases = st.builds(
    Phase,
    name=words,
    rates=tables,
    layer_decay=st.floats(0.01, 1),
    epochs=st.integers(1, 99),
    optimizer=st.sampled_from(["adamw", "adam", "sgd"]),
    schedule=st.sampled_from(["constant", "cosine", "plateau"]),
    plateau=st.builds(PlateauRule, factor=st.floats(0.1, 0.9), patience=st.integers(1, 60), delta=st.floats(0, 1)),
    watch=st.sampled_from(["validation", "training"]),
    batch_share=st.floats(0.01, 1),
    size=st.none() | st.integers(8, 512) | st.floats(0.01, 1),
    clip=st.none() | positive,
    ema=st.floats(0, 0.999),
    norm=st.sampled_from(["eval", "train", "train_all"]),
    early_stopping=st.none() | st.integers(1, 9),
    start=st.sampled_from(["last", "best"]),
)
contrasts = st.builds(
    Contrastive, name=words, rates=tables.filter(lambda rows: dict(rows).get("head") is None), temperature=positive
)
pretrainings = st.builds(
    Pretrain, name=words, objective=st.sampled_from(["auto", "masked", "causal"]), masked=st.floats(0.01, 0.9)
)
episodes = st.builds(
    Meta,
    method=st.sampled_from(["protonet", "anil", "maml", "fomaml", "reptile"]),
    ways=st.integers(2, 9),
    inner_lr=positive,
)
heads = st.builds(ClosedForm, heads=st.lists(words, min_size=1, max_size=3).map(tuple))
averages = st.builds(Average, alphas=st.lists(st.floats(0, 1), min_size=1, max_size=4).map(tuple))
edits = st.builds(Edits, reset=st.sampled_from([True, False, "input"]), dropout=st.floats(0, 0.9))
after: st.SearchStrategy[list[Step]] = st.lists(phases | heads | averages, max_size=3)


@example("a", "one\x85two", Edits(), Contrastive(), ClosedForm(), [])
@given(words, st.text(max_size=30), edits, contrasts | pretrainings | episodes, phases | heads, after)
def test_a_recipe_survives_yaml(
    name: str, about: str, edits: Edits, before: Step, first: Step, rest: list[Step]
) -> None:
    rest = [step for step in rest if isinstance(first, Phase) or not isinstance(step, Average)]
    recipe = Recipe(name=name, about=about, edits=edits, steps=(before, first, *rest))
    assert from_yaml(to_yaml(recipe)) == recipe


def mistakes_of(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        from_yaml(text)
    return str(caught.value)


def test_every_mistake_is_named_by_line_and_field_with_what_was_expected() -> None:
    text = """name: x
steps:
  - kind: closed_form
  - kind: phase
    epochs: ten
    rates: {head: -3, "*": null}
    optimizer: sdg
    optimzer: sgd
"""
    lines = mistakes_of(text).splitlines()
    assert "the recipe has 4 mistakes:" in lines
    assert "  line 5, steps[1].epochs: found 'ten', expected a valid integer" in lines
    assert "  line 6, steps[1].rates.head: found -3, expected greater than 0 or 'auto'" in lines
    assert "  line 7, steps[1].optimizer: found 'sdg', expected 'adamw', 'adam' or 'sgd'" in lines
    assert any(line.startswith("  line 8, steps[1].optimzer is unknown: ") and "'optimizer'" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x\nsteps:\n- {kind: phas}\n", "line 3, steps[0]: found {'kind': 'phas'}, expected kind 'phase', "),
        ("name: x\nsteps:\n- {}\n", "line 3, steps[0]: found {}, expected a field `kind`"),
        ("name: x\nsteps: []\n", "line 2, steps: found []"),
        ("name: x\n", "steps: not given, expected a value"),
        ("name: x\nstep: []\n", "line 2, step is unknown: expected one of name, about, edits, steps"),
        ("name: x\nedits: {drop: 1}\nsteps: [{kind: closed_form}]\n", "edits.drop is unknown: expected one of reset"),
        ("name: x\nname: y\nsteps: []\n", "line 2: 'name' is there twice"),
        ("name: x\nsteps:\n- kind: phase\n  rates: {head: 1, head: 2}\n", "line 4: 'head' is there twice"),
        ("name: x\nsteps: [{kind: phase, rates: [[head, 1], [head, 2]]}]\n", "two rows are both 'head'"),
        ("name: x\nsteps: [{kind: phase, rates: {'block:..': 1}}]\n", "steps[0].rates: pattern 'block:..' names no"),
        ("name: x\nsteps: [{kind: phase, rates: {*: 1}}]\n", "is not YAML"),
        ("name: x\nsteps: [{kind: average}]\n", "expected a phase before it"),
        ("name: x\nsteps: [{kind: contrastive}]\n", "expected a step behind it that fits the head"),
        ("name: x\nsteps: [{kind: closed_form}, {kind: contrastive}]\n", "steps[1] (contrastive) changes the backbone"),
        (
            "name: x\nsteps: [{kind: phase}, {kind: contrastive}, {kind: average}, {kind: phase}]\n",
            "since then 'contrast' has changed what the head stands on",
        ),
        ("name: x\nsteps: [{kind: contrastive}, {kind: closed_form}, {kind: average}]\n", "expected a phase before it"),
        ("name: x\nsteps: [{kind: contrastive, rates: {head: 1}}]\n", "the row 'head' has a rate"),
        ("name: x\nsteps: [{kind: contrastive, batch_size: 2}]\n", "greater than or equal to 4"),
        ("name: x\nsteps: [{kind: pretrain}]\n", "steps[0] (pretrain) changes the backbone"),
        ("name: x\nsteps: [{kind: pretrain, objective: spans}]\n", "'auto', 'masked' or 'causal'"),
        ("name: x\nsteps: [{kind: meta, method: mamel}]\n", "steps[0].method: found 'mamel'"),
        ("name: x\nsteps: [{kind: meta, method: maml, norm: train}]\n", "statistics cannot move"),
        ("name: x\nsteps: [{kind: pretrain, masked: 1}]\n", "steps[0].masked: found 1, expected less than 1"),
        ("name: x\nsteps: [{kind: contrastive, mixup: 0.2}]\n", "steps[0].mixup is unknown"),
        ("name: x\nsteps: [{kind: phase, layer_decay: .nan}]\n", "steps[0].layer_decay: found nan, expected"),
        ("name: !!python/object/apply:os.system ['true']\nsteps: []\n", "is not YAML"),
        ("- 1\n", "the recipe holds [1]"),
        ("", "the recipe holds None"),
    ],
)
def test_a_recipe_that_is_none_is_refused_with_the_place(text: str, says: str) -> None:
    assert says in mistakes_of(text)


def test_an_exponent_without_a_point_is_a_number_although_yaml_reads_text() -> None:
    recipe = from_yaml("name: x\nsteps:\n- {kind: phase, rates: {'*': 1e-4}, weight_decay: 1e-2}\n")
    step = recipe.steps[0]
    assert isinstance(step, Phase)
    assert (step.rates, step.weight_decay) == ((("*", 1e-4),), 0.01)


def test_the_row_of_the_head_is_written_for_those_who_leave_it_out() -> None:
    recipe = from_yaml("name: x\nsteps:\n- {kind: contrastive, rates: {'*': 1e-4}}\n- kind: closed_form\n")
    step = recipe.steps[0]
    assert isinstance(step, Contrastive)
    assert step.rates == (("head", None), ("*", 1e-4))
    assert from_yaml(to_yaml(recipe)) == recipe


def test_a_file_is_read_by_path_and_a_missing_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nsteps: [{kind: closed_form}]\n", encoding="utf-8")
    assert from_yaml(path) == from_yaml(str(path))
    assert from_yaml(path).name == "mine"
    with pytest.raises(RecipeError, match="cannot be read"):
        from_yaml(tmp_path / "other.yaml")
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(RecipeError, match="UTF-8"):
        from_yaml(path)
