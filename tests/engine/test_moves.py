"""Fine-tuning by each recipe moves what its plan says it moves, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.helpers import changed, compiled, make_data, make_network, state_of, train
from warmstart.engine.data import RunData
from warmstart.model.network import Network
from warmstart.planning.edited import edited
from warmstart.planning.plan import PhasePlan
from warmstart.recipe.methods import load_recipe, recipes
from warmstart.recipe.phase import OptimizerName, Phase
from warmstart.recipe.recipe import Edits, Recipe

OPTIMIZERS: tuple[OptimizerName, ...] = ("adamw", "adam", "sgd")
QUICK: dict[str, Any] = {"epochs": 1, "batch_size": 12}
HEAVY: dict[str, Any] = {"weight_decay": 0.5, "momentum": 0.9, "schedule": "constant"}


def phases(found: Recipe, optimizer: OptimizerName, network: Network, data: RunData) -> list[PhasePlan]:
    quick = [
        s.model_copy(update={**QUICK, "optimizer": optimizer, "weight_decay": 0.1}) if isinstance(s, Phase) else s
        for s in found.steps
    ]
    plan = compiled(found.model_copy(update={"steps": tuple(quick)}), network, data)
    return [step for step in plan.steps if isinstance(step, PhasePlan)]


def assert_moved_as_planned(plan: PhasePlan, network: Network, moved: set[str]) -> None:
    chain = network.facts.chain
    assert moved.isdisjoint(plan.frozen)
    for block, row in zip(chain.blocks, plan.blocks, strict=False):
        own = {f"backbone.{name}" for name in block.parameters}
        buffers = {f"backbone.{name}" for name in block.buffers}
        if row.frozen:
            assert moved.isdisjoint(own), f"{block.name} is frozen"
        if row.trained:
            assert moved & own, f"{block.name} is trained"
        if row.eval:
            assert moved.isdisjoint(buffers), f"{block.name} is in eval mode"
    head = plan.blocks[-1]
    assert any(name.startswith("head.") for name in moved) == (head.trained > 0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "name", [name for name in recipes if (load_recipe(name).reads, load_recipe(name).needs) == (None, None)]
)
def test_each_phase_moves_the_blocks_it_trains_and_no_bit_of_the_frozen_ones(
    name: str, optimizer: OptimizerName
) -> None:
    data, recipe = make_data(), load_recipe(name)
    network = edited(make_network(), recipe.edits)
    for plan in phases(recipe.model_copy(update={"edits": Edits()}), optimizer, network, data):
        before = state_of(network)
        train(plan, network, data)
        assert_moved_as_planned(plan, network, changed(before, state_of(network)))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_an_earlier_phase_trained_stays_once_it_is_frozen(optimizer: OptimizerName) -> None:
    data, network = make_data(), make_network()
    everything = Phase(rates=(("*", 1e-2),), optimizer=optimizer, **QUICK, **HEAVY)
    train(everything, network, data)
    for parameter in network.parameters():  # a gradient left behind, as by a training loop of the user's own
        parameter.grad = parameter.detach().clone()
    before = state_of(network)
    only_head = Phase(rates=(("head", 1e-2), ("*", None)), optimizer=optimizer, clip=None, **QUICK, **HEAVY)
    train(only_head, network, data)
    moved = changed(before, state_of(network))
    assert moved == {"head.linear.weight", "head.linear.bias"}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_frozen_block_above_a_trained_one_does_not_move(optimizer: OptimizerName) -> None:
    data, network = make_data(), make_network()
    before = state_of(network)
    first = Phase(rates=(("block:0", 1e-2), ("*", None)), optimizer=optimizer, **QUICK, **HEAVY)
    plan = phases(Recipe(name="t", steps=(first,)), optimizer, network, data)[0]
    train(plan, network, data)
    moved = changed(before, state_of(network))
    assert moved
    assert moved <= {f"backbone.{name}" for name in network.facts.chain.blocks[0].parameters}


def buffers_of(network: Network, block: int) -> set[str]:
    found = network.facts.chain.blocks[block].buffers
    return {f"backbone.{name}" for name in found if "running" in name}


@pytest.mark.parametrize(
    ("norm", "frozen_moves", "trained_moves"), [("eval", 0, 0), ("train", 0, 1), ("train_all", 1, 1)]
)
def test_normalisation_statistics_move_only_where_the_phase_says_so(
    norm: str, frozen_moves: int, trained_moves: int
) -> None:
    data, network = make_data(), make_network()
    before = state_of(network)
    phase = Phase.model_validate({"rates": (("head", 1e-3), ("block:-1", 1e-3), ("*", None)), "norm": norm, **QUICK})
    train(phase, network, data)
    moved = changed(before, state_of(network))
    assert buffers_of(network, 0)
    assert bool(buffers_of(network, 0) & moved) == bool(frozen_moves)
    trained = next(i for i in range(len(network.facts.chain.blocks) - 1, 0, -1) if buffers_of(network, i))
    assert bool(buffers_of(network, trained) & moved) == bool(trained_moves)
    frozen = {f"backbone.{name}" for name in network.facts.chain.blocks[0].parameters}
    assert moved.isdisjoint(frozen)


def test_the_network_is_left_as_it_was_built_apart_from_its_weights() -> None:
    data, network = make_data(), make_network()
    train(Phase(rates=(("head", 1e-3), ("*", None)), **QUICK), network, data)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert not any(module.training for module in network.modules())
