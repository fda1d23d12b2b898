from __future__ import annotations

import copy

import pytest
import torch

from warmstart.errors import RecipeError
from warmstart.model.catalog import load_backbone
from warmstart.model.edits import apply_edits
from warmstart.model.head import KNNHead, LinearHead
from warmstart.model.network import Network


@pytest.fixture
def network() -> Network:
    backbone = load_backbone("toy")
    return Network(backbone, LinearHead(backbone.out_features, 3)).eval()


def test_training_may_start_from_any_cut(network: Network) -> None:
    x = torch.rand(2, 3, 32, 32)
    for cut in range(len(network.facts.chain)):
        assert torch.equal(network.forward_from(cut, network.facts.chain.prefix(cut)(x)), network(x))


def test_the_state_dict_holds_everything_once_even_after_segments_were_made(network: Network) -> None:
    network.facts.chain.suffix(2)(torch.rand(1, *network.facts.chain.activation_shape(2, 32)))
    state = network.state_dict()
    backbone = {f"backbone.{name}" for name in network.facts.module.state_dict()}
    assert set(state) == backbone | {f"head.{name}" for name in network.head.state_dict()}
    stored = [tensor.data_ptr() for tensor in state.values()]
    assert len(set(stored)) == len(stored)


@pytest.mark.parametrize("copied", [Network.clone, copy.deepcopy], ids=["clone", "deepcopy"])
def test_a_copy_has_weights_of_its_own_and_a_chain_that_sees_them(network: Network, copied: object) -> None:
    assert callable(copied)
    other, x = copied(network), torch.rand(2, 3, 32, 32)
    before = network(x)
    with torch.no_grad():
        for parameter in other.backbone.parameters():
            parameter.mul_(1.5)
    assert other.facts.module is other.backbone
    assert torch.equal(other.forward_from(0, x), other(x))
    assert not torch.equal(other(x), before)
    assert torch.equal(network(x), before)


def test_reset_draws_all_of_the_backbone_from_the_seed(network: Network) -> None:
    network.backbone.train()
    network(torch.rand(4, 3, 32, 32))
    pretrained = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    state = torch.random.get_rng_state()
    reset = apply_edits(network, reset=True, seed=7)
    assert torch.equal(torch.random.get_rng_state(), state)
    fresh = load_backbone("toy", pretrained=False, seed=7)
    assert reset is network
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, fresh.module.state_dict()[name]), name
    assert not torch.equal(pretrained["stem.0.weight"], network.backbone.state_dict()["stem.0.weight"])
    assert network.facts.card == fresh.card


@pytest.mark.parametrize("uri", ["toy", "toy?taps=1", "toy?channels=5"])
def test_reset_of_the_input_draws_its_first_layer_alone(uri: str) -> None:
    backbone = load_backbone(uri)
    network = Network(backbone, LinearHead(backbone.out_features, 3)).eval()
    sha256, before = backbone.card.weights_sha256, copy.deepcopy(network.state_dict())
    apply_edits(network, reset="input", seed=7)
    after, x = network.state_dict(), torch.rand(2, backbone.preprocess.channels, 32, 32)
    assert [name for name in after if not torch.equal(after[name], before[name])] == ["backbone.stem.0.weight"]
    spread = [state["backbone.stem.0.weight"].std().item() for state in (before, after)]
    assert spread[0] == pytest.approx(spread[1], rel=0.2)
    assert "drawn anew, seed 7" in network.facts.card.source
    assert network.facts.card.weights_sha256 != sha256
    for cut in range(len(network.facts.chain)):
        assert torch.equal(network.forward_from(cut, network.facts.chain.prefix(cut)(x)), network(x))


def test_dropout_is_put_before_the_head(network: Network) -> None:
    assert apply_edits(network, dropout=0.5).head.config["dropout"] == 0.5  # type: ignore[index]
    features = torch.ones(64, network.facts.out_features)
    network.train()
    assert not torch.equal(network.head(features)[0], network.head(features)[1])


def test_a_head_that_has_no_place_for_dropout_refuses_it() -> None:
    backbone = load_backbone("toy")
    with pytest.raises(RecipeError, match="KNNHead"):
        apply_edits(Network(backbone, KNNHead(backbone.out_features, 2, 3)), dropout=0.1)
