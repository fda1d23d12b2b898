import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from warmstart.errors import RecipeError
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.groups import group_parameters, parts_of
from warmstart.recipe.phase import Phase, Rate


@functools.cache
def toy() -> Network:
    backbone = load_backbone("toy")
    return Network(backbone, nn.Linear(backbone.out_features, 3))


def table(**rates: Rate) -> tuple[tuple[str, Rate], ...]:
    return (*rates.items(), ("*", None))


patterns = st.sampled_from(["head", "backbone", "block:-1", "block:1..", "block:..1", "bias", "norm", "bias & block:0"])
rows = st.dictionaries(patterns, st.sampled_from([None, 0.1, 0.01, "auto"]), max_size=5)


@given(rows, st.sampled_from([0.1, "auto"]), st.floats(0.1, 1), st.sampled_from([0.0, 0.1]))
def test_groups_and_frozen_partition_the_parameters(
    rates: dict[str, Rate], rest: Rate, decay: float, l2_sp: float
) -> None:
    network = toy()
    phase = Phase(rates=(("head", 1.0), *[row for row in rates.items() if row[0] != "head"], ("*", rest)))
    phase = phase.model_copy(update={"layer_decay": decay, "l2_sp": l2_sp})
    groups, frozen = group_parameters(phase, network)
    names = [name for group in groups for name in group.parameters] + list(frozen)
    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert all(group.numel == sum(sizes[name] for name in group.parameters) for group in groups)


def test_a_group_is_one_row_of_one_block() -> None:
    groups, _ = group_parameters(Phase(rates=(("head", 1.0), ("*", 0.1)), weight_decay=0.0), toy())
    blocks = [block.name for block in toy().facts.chain.blocks]
    assert [(group.pattern, group.block) for group in groups] == [*[("*", name) for name in blocks], ("head", "head")]


def test_layer_decay_counts_blocks_from_the_last_one() -> None:
    groups, _ = group_parameters(Phase(rates=(("*", 1.0),), layer_decay=0.5), toy())
    scales = {group.block: group.scale for group in groups}
    blocks = [block.name for block in toy().facts.chain.blocks]
    assert scales == {"head": 1.0, **{name: 0.5**i for i, name in enumerate(reversed(blocks))}}


def test_biases_and_normalisation_are_not_decayed() -> None:
    groups, _ = group_parameters(Phase(rates=(("*", 0.1),), weight_decay=0.3), toy())
    shapes = {name: parameter.ndim for name, parameter in toy().named_parameters()}
    for group in groups:
        assert {shapes[name] > 1 for name in group.parameters} == {group.weight_decay == 0.3}


def test_l2_sp_takes_the_place_of_weight_decay_on_the_backbone() -> None:
    groups, _ = group_parameters(Phase(rates=(("*", 0.1),), weight_decay=0.3, l2_sp=0.1), toy())
    assert {group.block for group in groups if group.weight_decay} == {"head"}


def test_norm_and_bias_select_what_they_name() -> None:
    groups, _ = group_parameters(Phase(rates=table(norm=0.1)), toy())
    modules = dict(toy().named_modules())
    trained = [name for group in groups for name in group.parameters]
    assert trained
    assert all(isinstance(modules[name.rpartition(".")[0]], nn.BatchNorm2d) for name in trained)
    groups, _ = group_parameters(Phase(rates=table(bias=0.1)), toy())
    assert all(name.endswith(".bias") for group in groups for name in group.parameters)


def test_a_phase_that_trains_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="trains nothing"):
        group_parameters(Phase(rates=(("*", None), ("head", 0.1))), toy())


def test_compiling_groups_changes_nothing_on_the_network() -> None:
    network = toy()
    before = [(p.requires_grad, p.data_ptr()) for p in network.parameters()]
    group_parameters(Phase(rates=table(head=0.1)), network)
    assert [(p.requires_grad, p.data_ptr()) for p in network.parameters()] == before


def test_parts_keep_the_order_of_the_network() -> None:
    assert [part.name for part in parts_of(toy())] == [name for name, _ in toy().named_parameters()]
