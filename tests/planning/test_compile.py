import dataclasses
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from warmstart.errors import DataError, RecipeError
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan, input_size, steps_per_epoch
from warmstart.planning.edited import outlined
from warmstart.planning.plan import AveragePlan, DataFacts, HeadPlan, PhasePlan
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import Average, ClosedForm


@given(st.integers(1, 300), st.integers(1, 64))
def test_no_training_batch_is_a_single_sample_unless_it_must_be(samples: int, batch: int) -> None:
    steps = steps_per_epoch(samples, batch)
    assert steps >= 1
    if batch > 1 and samples > 1:
        assert steps <= samples // 2 or steps == 1
    last = samples - (steps - 1) * batch
    assert 0 < last <= batch + 1


def test_each_kind_of_step_has_its_plan_in_order(network: Network, facts: DataFacts) -> None:
    plan = compile_plan(Recipe(name="x", steps=(ClosedForm(), Phase(), Average())), network, facts)
    assert [type(step) for step in plan.steps] == [HeadPlan, PhasePlan, AveragePlan]
    assert (plan.recipe, plan.backbone, plan.data) == ("x", "toy", facts)


@pytest.mark.parametrize("name", ["lp_ft", "lora", "bias_only"])
def test_labels_are_smoothed_as_is_good_for_the_kind_of_input_unless_it_is_said(name: str, network: Network) -> None:
    def smoothed(kind: Literal["image", "text"], **options: float) -> object:
        facts = DataFacts(train=20, val=8, outputs=3, size=32, kind=kind)
        phase = compile_plan(load_recipe(name, **options), outlined(network, load_recipe(name).edits), facts).steps[1]
        assert isinstance(phase, PhasePlan)
        assert isinstance(phase.phase, Phase)
        return phase.phase.label_smoothing

    assert (smoothed("image"), smoothed("text")) == (0.1, 0.0)
    assert smoothed("text", label_smoothing=0.2) == smoothed("image", label_smoothing=0.2) == 0.2


def test_training_starts_from_the_deepest_frozen_cut(network: Network, facts: DataFacts) -> None:
    chain = network.facts.chain
    (step,) = compile_plan(load_recipe("finetune", from_block=-1), network, facts).steps
    assert isinstance(step, PhasePlan)
    assert step.cut >= chain.blocks[-2].cut
    assert not chain.parameters_below(step.cut) & set(chain.blocks[-1].parameters)
    assert step.cut_name == chain.cuts[step.cut].name


def test_a_batch_is_no_larger_than_the_data(network: Network) -> None:
    plan = compile_plan(Recipe(name="x", steps=(Phase(batch_size=64),)), network, DataFacts(10, 3, 3, 32))
    step = plan.steps[0]
    assert isinstance(step, PhasePlan)
    assert (step.batch_size, step.steps_per_epoch) == (10, 1)


@pytest.mark.parametrize(("samples", "batch"), [(1, 1), (15, 2), (30, 3), (67, 6), (100, 10), (500, 16)])
def test_a_batch_is_no_larger_than_its_share_of_the_data(samples: int, batch: int, network: Network) -> None:
    recipe = Recipe(name="x", steps=(Phase(batch_size=16, batch_share=0.1),))
    (step,) = compile_plan(recipe, network, DataFacts(samples, 3, 3, 32)).steps
    assert isinstance(step, PhasePlan)
    assert step.batch_size == batch


def test_compiling_twice_gives_the_same_plan_and_leaves_the_network_alone(network: Network, facts: DataFacts) -> None:
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first = compile_plan(load_recipe("gradual"), network, facts)
    assert compile_plan(load_recipe("gradual"), network, facts) == first
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_pattern_that_matches_nothing_on_this_network_is_said(network: Network, facts: DataFacts) -> None:
    mistaken = Recipe(name="x", steps=(Phase(rates=(("stem.convv", 0.1), ("*", None))),))
    with pytest.raises(RecipeError, match=r"stem\.convv"):
        compile_plan(mistaken, network, facts)


def test_without_a_training_sample_there_is_no_plan(network: Network) -> None:
    with pytest.raises(DataError, match="no training sample"):
        compile_plan(load_recipe("probe"), network, DataFacts(0, 3, 3, 32))


@given(st.floats(0.01, 1), st.integers(32, 640))
def test_a_share_of_the_size_is_possible_and_no_larger_than_the_whole(share: float, size: int) -> None:
    assert 32 <= input_size(share, DataFacts(1, 1, 2, size), 32) <= size


def test_a_size_the_network_cannot_read_is_refused(network: Network, facts: DataFacts) -> None:
    smallest = network.facts.card.min_size
    with pytest.raises(RecipeError, match=f"at least {smallest} pixels"):
        input_size(smallest - 1, facts, smallest)


@pytest.mark.parametrize("size", [16, 0.5])
def test_a_phase_of_another_size_is_refused_where_the_network_takes_one_alone(
    network: Network, facts: DataFacts, size: int | float
) -> None:
    network.facts = dataclasses.replace(
        network.facts, card=dataclasses.replace(network.facts.card, min_size=32, fixed_size=True)
    )
    asked = Recipe(name="x", steps=(Phase(name="small", size=size),))
    with pytest.raises(RecipeError, match="phase 'small' asks for images of size"):
        compile_plan(asked, network, facts)
    own = Recipe(name="x", steps=(Phase(size=32), Phase(size=1.0), Phase()))
    assert [step.size for step in compile_plan(own, network, facts).steps] == [32, 32, 32]
