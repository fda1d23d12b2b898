"""What backbones keep to that take their state from data, and have nothing to train: they are of one block."""

from __future__ import annotations

import pytest
import torch

from warmstart.cache.key import prefix_sha256
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone, untrained_module
from warmstart.model.from_data import from_data
from warmstart.model.modes import evaluating
from warmstart.model.uri import Uri
from warmstart.planning.profile import profile

SIZE = 40


@pytest.fixture(params=["minirocket", "minirocket:168", "minirocket:168?channels=3", "minirocket:84?channels=20"])
def uri(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def backbone(uri: str) -> Backbone:
    return load_backbone(uri)


def series(backbone: Backbone, n: int = 3) -> torch.Tensor:
    shape = backbone.chain.inputs.example(n, SIZE, backbone.module).shape
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def learn(backbone: Backbone) -> None:
    part, rows = from_data(backbone.module), series(backbone, 8)
    assert part is not None
    part.learn(8, lambda at: rows[torch.from_numpy(at)], seed=0)


@pytest.mark.parametrize("with_data", [False, True])
def test_it_has_two_cuts_whose_segments_are_the_network(backbone: Backbone, *, with_data: bool) -> None:
    if with_data:
        learn(backbone)
    chain, x = backbone.chain, series(backbone)
    assert (chain.why_uncut, [cut.name for cut in chain.cuts]) == ("", ["input", "features"])
    with evaluating(backbone.module), torch.no_grad():
        expected = chain(x)
        assert expected.shape == (3, backbone.out_features)
        for cut in (0, 1):
            before = chain.prefix(cut)(x)
            assert torch.equal(chain.suffix(cut)(before), expected)
        assert chain.activation_shape(0, SIZE) == tuple(x.shape[1:])
        assert chain.activation_shape(1, SIZE) == (backbone.out_features,)
        assert torch.equal(chain.prefix(0)(x), x)


def test_all_its_buffers_are_in_its_one_block(backbone: Backbone) -> None:
    (block,) = backbone.chain.blocks
    assert block.cut == 1
    assert block.parameters == ()
    assert sorted(block.buffers) == sorted(name for name, _ in backbone.module.named_buffers())


def test_what_it_has_learned_is_part_of_the_address_of_its_features(backbone: Backbone) -> None:
    before = prefix_sha256(backbone.chain, 1)
    learn(backbone)
    assert prefix_sha256(backbone.chain, 1) != before
    assert prefix_sha256(backbone.clone().chain, 1) == prefix_sha256(backbone.chain, 1)


def test_its_state_is_that_of_the_architecture_by_name(uri: str, backbone: Backbone) -> None:
    learn(backbone)
    again = untrained_module(uri, seed=5)
    again.load_state_dict(backbone.module.state_dict())
    with evaluating(backbone.module), evaluating(again), torch.no_grad():
        assert torch.equal(again(series(backbone)), backbone.chain(series(backbone)))


def test_the_card_states_the_facts(uri: str, backbone: Backbone) -> None:
    card = backbone.card
    assert Uri.of(card.name).path == Uri.of(uri).path
    assert (card.parameters, card.licence, len(card.weights_sha256)) == (0, "none needed", 64)
    assert card.random
    assert card == load_backbone(uri, pretrained=False, seed=3).card


def test_its_cost_is_counted_without_data(backbone: Backbone) -> None:
    flops = profile(backbone, 0, 1, SIZE).flops
    assert flops >= backbone.out_features * SIZE
    assert profile(backbone, 0, 1, 2 * SIZE).flops > 1.5 * flops
