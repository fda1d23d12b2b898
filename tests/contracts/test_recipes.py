"""What holds for every registered recipe, on every backbone of at least two blocks."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
import sys

import pytest
from torch import nn

from tests.engine.texts import text_network
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.edited import outlined
from warmstart.planning.groups import parts_of
from warmstart.planning.plan import DataFacts, PhasePlan
from warmstart.planning.table import plan_text
from warmstart.recipe.methods import load_recipe, options, recipes
from warmstart.recipe.phase import GradientStep
from warmstart.recipe.rates import assign
from warmstart.recipe.text import from_yaml, to_yaml

FACTS = DataFacts(train=33, val=10, outputs=3, size=32, unlabelled=20)
TEXTS = dataclasses.replace(FACTS, size=16, kind="text")
NAMES = list(recipes)


@functools.cache
def toy() -> Network:
    backbone = load_backbone("toy")
    return Network(backbone, nn.Linear(backbone.out_features, 3))


@functools.cache
def subject(name: str) -> Network:
    """The network that the recipe's plan is for: the toy's, or one for texts where the recipe is for texts alone."""
    recipe = load_recipe(name)
    return outlined(text_network() if recipe.reads == "text" else toy(), recipe.edits)


def facts(name: str) -> DataFacts:
    return TEXTS if load_recipe(name).reads == "text" else FACTS


def phase_plans(name: str) -> list[PhasePlan]:
    plan = compile_plan(load_recipe(name), subject(name), facts(name))
    return [step for step in plan.steps if isinstance(step, PhasePlan)]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_in_a_sentence_under_its_own_name(name: str) -> None:
    assert load_recipe(name).name == name
    assert load_recipe(name).about.endswith(".")
    assert recipes[name].__doc__


@pytest.mark.parametrize("name", NAMES)
def test_it_survives_yaml(name: str) -> None:
    assert from_yaml(to_yaml(load_recipe(name))) == load_recipe(name)


@pytest.mark.parametrize("name", NAMES)
def test_all_its_parameters_have_defaults_that_may_be_given_back(name: str) -> None:
    assert load_recipe(name, **options(name)) == load_recipe(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_in_one_group_or_frozen(name: str) -> None:
    for plan in phase_plans(name):
        placed = [p for group in plan.groups for p in group.parameters] + list(plan.frozen)
        assert sorted(placed) == sorted(p for p, _ in subject(name).named_parameters())


@pytest.mark.parametrize("name", NAMES)
def test_what_the_recipe_freezes_the_plan_freezes(name: str) -> None:
    network = subject(name)
    blocks, parts = [block.name for block in network.facts.chain.blocks], parts_of(network)
    phases = [step for step in load_recipe(name).steps if isinstance(step, GradientStep)]
    for phase, plan in zip(phases, phase_plans(name), strict=True):
        rows = assign([pattern for pattern, _ in phase.rates], parts, blocks)
        still = {part.name for part, row in zip(parts, rows, strict=True) if phase.rates[row][1] is None}
        assert set(plan.frozen) == still
        for block, row in zip(network.facts.chain.blocks, plan.blocks, strict=False):
            assert row.frozen == ({f"backbone.{p}" for p in block.parameters} <= still)
            assert row.eval or not row.frozen


@pytest.mark.parametrize("name", NAMES)
def test_nothing_trained_is_used_below_the_cut(name: str) -> None:
    chain = subject(name).facts.chain
    for plan in phase_plans(name):
        below = {f"backbone.{p}" for p in chain.parameters_below(plan.cut)}
        assert below <= set(plan.frozen)
        assert {f"backbone.{m}" for m in chain.modules_below(plan.cut)} <= set(plan.eval_modules)
        assert plan.cache.cut <= plan.cut


@pytest.mark.parametrize("name", NAMES)
def test_its_plan_can_be_read(name: str) -> None:
    text = plan_text(compile_plan(load_recipe(name), subject(name), facts(name)))
    assert text.startswith(f"{name} on {subject(name).facts.card.name}")
    assert text.count("\n\n") == len(load_recipe(name).steps)


def test_a_range_of_blocks_beyond_the_first_is_clipped() -> None:
    plans = compile_plan(load_recipe("finetune", from_block=-99), toy(), FACTS).steps
    assert isinstance(plans[0], PhasePlan)
    assert plans[0].frozen == ()


def test_recipes_are_listed_without_torch() -> None:
    code = (
        "import sys; from warmstart.recipe.methods import load_recipe, recipes; "
        "from warmstart.recipe.text import to_yaml; "
        "[to_yaml(load_recipe(name)) for name in recipes]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
