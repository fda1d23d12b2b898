"""Low-rank matrices beside weights: what they add, what they leave alone, and that merging takes them away."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from warmstart.cache.key import prefix_sha256
from warmstart.errors import RecipeError
from warmstart.model.catalog import load_backbone
from warmstart.model.head import LinearHead
from warmstart.model.low_rank import LowRank, attach, merge, plain
from warmstart.model.network import Network

FAMILIES = [
    "toy",
    "timm:resnet18?pretrained=false",
    "timm:vit_tiny_patch16_224?pretrained=false&size=64",
    pytest.param("torchvision:vit_b_16?pretrained=false&size=32", marks=pytest.mark.slow),
    "timm:mobilenetv3_small_050?pretrained=false",
]


def network_of(name: str = "toy") -> Network:
    backbone = load_backbone(name)
    return Network(backbone, LinearHead(backbone.out_features, 3)).eval()


def attached(network: Network, rank: int = 2, prefix: str = "backbone.") -> Network:
    attach(network, rank=rank, alpha=4.0, on=lambda name: name.startswith(prefix), seed=0)
    return network


def stirred(network: Network) -> Network:
    """As if it had been trained: no B is zero any more."""
    torch.manual_seed(1)
    for name, parameter in network.named_parameters():
        if name.endswith(".0.B"):
            nn.init.normal_(parameter, std=0.02)
    return network


def images(network: Network) -> Tensor:
    size = network.facts.preprocess.size
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", FAMILIES)
def test_it_starts_as_it_was_and_ends_as_it_learned_under_the_old_names(name: str) -> None:
    network = network_of(name)
    x, names = images(network), {key: value.shape for key, value in network.state_dict().items()}
    with torch.inference_mode():
        before = network(x)
        assert torch.equal(attached(network)(x), before)
    with torch.inference_mode():
        learned = stirred(network)(x)
        assert not torch.allclose(learned, before)
        merge(network)
        assert torch.equal(network(x), learned)
        cut = network.facts.chain.blocks[0].cut
        assert torch.equal(network.forward_from(cut, network.facts.chain.prefix(cut)(x)), learned)
    assert {key: value.shape for key, value in network.state_dict().items()} == names
    assert not any(isinstance(module, LowRank) for module in network.modules())


def test_the_weight_is_the_old_one_plus_the_scaled_product() -> None:
    network = network_of()
    old = {name: p.detach().clone() for name, p in network.named_parameters()}
    state = {name: t.clone() for name, t in stirred(attached(network, rank=2)).state_dict().items()}
    merge(network)
    moved = {name for name, p in network.named_parameters() if not torch.equal(p, old[name])}
    assert moved
    for name in moved:
        held = name.removesuffix(".weight") + ".parametrizations.weight"
        product = 4.0 / 2 * state[f"{held}.0.B"] @ state[f"{held}.0.A"]
        torch.testing.assert_close(
            network.get_parameter(name), old[name] + product.view_as(old[name]), rtol=0, atol=1e-6
        )


def test_its_blocks_still_hold_every_parameter_once() -> None:
    chain = attached(network_of()).facts.chain
    placed = [name for block in chain.blocks for name in block.parameters]
    assert sorted(placed) == sorted(name for name, _ in chain.module.named_parameters())


def test_only_the_weights_that_are_meant_get_one() -> None:
    last = network_of().facts.chain.blocks[-1]
    network = attached(network_of(), prefix=f"backbone.{last.name}")
    names = [name for name, _ in network.named_parameters() if name.endswith(".0.A")]
    assert names
    assert all(name.startswith(f"backbone.{last.name}") for name in names)


def test_merging_a_copy_leaves_the_other_attached() -> None:
    network = stirred(attached(network_of()))
    copy, x = network.clone(), images(network)
    merge(copy)
    with torch.inference_mode():
        assert torch.equal(network(x), copy(x))
    assert any(isinstance(module, LowRank) for module in network.modules())


def test_what_is_stored_for_the_plain_network_serves_the_attached_one_until_it_has_learned() -> None:
    network = network_of()
    last = len(network.facts.chain.cuts) - 1
    address = prefix_sha256(network.facts.chain, last)
    assert plain(network.facts.chain) is network.facts.chain
    attached(network)
    assert prefix_sha256(plain(network.facts.chain), last) == address
    assert prefix_sha256(plain(stirred(network).facts.chain), last) != address


def test_a_rank_that_is_too_large_is_refused_with_the_bound() -> None:
    with pytest.raises(RecipeError, match=r"no weight of toy .* rank 500") as caught:
        attached(network_of(), rank=500)
    assert "500 * (out + in)" in caught.value.expected
