"""Maps of several strides as the features of a backbone: which they are, and every cut exact to the last bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from warmstart.cache.key import prefix_sha256
from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.chain import Chain
from warmstart.model.edits import apply_edits
from warmstart.model.head import LinearHead
from warmstart.model.low_rank import attach, merge
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.model.pyramid import pyramid

NETWORKS = {
    "toy": (1, 2, 4),
    "lite0": (4, 8, 16, 32),
    "timm:mobilenetv3_small_050": (2, 4, 8, 16, 32),
    "timm:convnext_atto": (4, 8, 16, 32),
    "timm:vit_tiny_patch16_224?size=64": (4, 8, 16, 32),
}
LARGE = {
    "timm:resnet18": (2, 4, 8, 16, 32),
    "timm:vgg11_bn": (1, 2, 4, 8, 16, 32),
    "timm:densenet121": (2, 4, 8, 16, 32),
    "timm:swin_tiny_patch4_window7_224": (4, 8, 16, 32),
    "timm:inception_v3": (2, 4, 8, 16, 32),
}
_loaded: dict[str, Backbone] = {}


def plain(uri: str) -> Backbone:
    """A copy of one's own; loaded once."""
    if uri not in _loaded:
        _loaded[uri] = load_backbone(uri, pretrained=uri in ("toy", "lite0"))
    return _loaded[uri].clone()


def images(backbone: Backbone, n: int = 2, size: int | None = None) -> Tensor:
    own = backbone.spec.size if backbone.card.fixed_size else max(backbone.card.min_size, 64)
    shape = (n, backbone.preprocess.channels, size or own, size or own)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def some(chain: Chain, most: int = 16) -> list[int]:
    """Cuts, the two ends among them."""
    last = len(chain) - 1
    return sorted({0, last, *range(1, last, max(1, last // most))})


def assert_exact(chain: Chain, x: Tensor) -> Tensor:
    """In every mode the flags say, for what draws nothing; from rows as they are stored, too."""
    whole = chain(x)
    for cut in some(chain):
        activation = chain.prefix(cut)(x)
        stored = torch.empty(activation.shape).copy_(activation)
        kept = stored.clone()
        assert torch.equal(chain.suffix(cut)(activation), whole), chain.cuts[cut].name
        assert torch.equal(chain.suffix(cut)(stored), whole), chain.cuts[cut].name
        assert torch.equal(stored, kept)
    return whole


@pytest.fixture(scope="module", params=[*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def found(request: pytest.FixtureRequest) -> Backbone:
    uri = str(request.param)
    return pyramid(plain(uri), (NETWORKS | LARGE)[uri])


def test_every_cut_is_exact_to_the_last_bit(found: Backbone) -> None:
    x = images(found)
    with evaluating(found.module), torch.no_grad():
        whole = assert_exact(found.chain, x)
        assert torch.equal(whole, found.chain(x.contiguous(memory_format=torch.channels_last)))


def test_segments_between_neighbours_chain_to_the_whole(found: Backbone) -> None:
    x = images(found)
    with evaluating(found.module), torch.no_grad():
        whole = found.chain(x)
        for cut in range(len(found.chain) - 1):
            before = x.clone()
            after = found.chain.segment(cut, cut + 1)(x)
            assert torch.equal(x, before)
            assert after.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
            x = after
    assert torch.equal(x, whole)


def test_every_cut_is_exact_in_training_and_after_it(found: Backbone) -> None:
    found = found.clone()
    x = images(found)
    for module in found.module.modules():
        if "drop" in type(module).__name__.lower():  # what draws is another each time
            module.p = module.drop_prob = 0.0  # type: ignore[assignment]
    found.module.train()
    block = found.chain.blocks[len(found.chain.blocks) // 2]
    trained = dict(found.module.named_parameters())
    optimizer = torch.optim.SGD([trained[name] for name in block.parameters], lr=0.01)
    torch.autograd.backward(found.chain(x).square().mean())
    optimizer.step()
    with torch.no_grad():
        for cut in some(found.chain, most=4):
            again = found.clone()
            whole = again.chain(x)
            again = found.clone()
            assert torch.equal(again.chain.suffix(cut)(again.chain.prefix(cut)(x)), whole), cut
        with evaluating(found.module):
            assert_exact(found.chain, x)


def test_a_row_is_the_maps_as_they_are_at_the_ends_of_blocks() -> None:
    backbone = plain("lite0")
    found, x = pyramid(backbone), images(backbone)
    assert found.maps is not None
    assert found.maps.names == ("blocks.1", "blocks.2", "blocks.4", "blocks.6"), "without the expansion of conv_head"
    ends = {block.name: block.cut for block in backbone.chain.blocks}
    with evaluating(backbone.module), torch.no_grad():
        maps = found.maps.unpack(found.chain(x))
        for name, each in zip(found.maps.names, maps, strict=True):
            torch.testing.assert_close(each, backbone.chain.prefix(ends[name])(x), rtol=1e-4, atol=1e-4)
            assert each.is_contiguous(memory_format=torch.channels_last) or len(each) > 1


def test_maps_of_a_plain_transformer_are_its_tokens_resized() -> None:
    backbone = plain("timm:vit_tiny_patch16_224?size=64")
    found, x = pyramid(backbone, (8, 16, 32)), images(backbone)
    assert found.maps is not None
    assert (found.maps.names, found.maps.sides) == (("blocks.3", "blocks.7", "blocks.11"), (8, 4, 2))
    end = next(block.cut for block in backbone.chain.blocks if block.name == "blocks.7")
    with evaluating(backbone.module), torch.no_grad():
        finest, own, coarsest = found.maps.unpack(found.chain(x))
        tokens = backbone.chain.prefix(end)(x)[:, 1:]
        last = backbone.chain.prefix(next(c.index for c in backbone.chain.cuts if c.name == "norm"))(x)[:, 1:]
    torch.testing.assert_close(own, tokens.transpose(1, 2).reshape(2, -1, 4, 4), rtol=1e-4, atol=1e-5)
    means = nn.functional.avg_pool2d(last.transpose(1, 2).reshape(2, -1, 4, 4), 2)
    torch.testing.assert_close(coarsest, means, rtol=1e-4, atol=1e-5)
    assert finest.shape == (2, 192, 8, 8)


def test_weights_are_shared_and_what_is_above_the_last_map_is_left_out() -> None:
    backbone = plain("lite0")
    before, x = backbone.card, images(backbone)
    with evaluating(backbone.module), torch.no_grad():
        features = backbone.chain(x)
    found = pyramid(backbone)
    own = dict(backbone.module.named_parameters())
    assert all(own[name] is parameter for name, parameter in found.module.named_parameters())
    left = set(backbone.module.state_dict()) - set(found.module.state_dict())
    assert {name.partition(".")[0] for name in left} == {"conv_head", "bn2"}
    assert found.card.parameters == sum(p.numel() for p in found.module.parameters()) < before.parameters
    assert found.card.weights_sha256 != before.weights_sha256
    assert (found.card.name, backbone.card) == (before.name, before)
    with evaluating(backbone.module), torch.no_grad():
        assert torch.equal(backbone.chain(x), features)
    assert sorted(name for block in found.chain.blocks for name in block.parameters) == sorted(found_names(found))
    assert found.chain.cut_for({"blocks.6.0.conv_pw.weight"}) >= found.chain.blocks[-2].cut
    assert pyramid(found) is found


def found_names(backbone: Backbone) -> list[str]:
    return [name for name, _ in backbone.module.named_parameters()]


def test_it_is_built_again_from_its_name_and_reads_rows_that_another_made_at_another_size() -> None:
    first = pyramid(plain("toy"), (1, 2, 4))
    x = torch.rand(3, 3, 44, 44, generator=torch.Generator().manual_seed(0))
    with evaluating(first.module), torch.no_grad():
        whole = first.chain(x)
        rows = {cut: first.chain.prefix(cut)(x) for cut in range(len(first.chain))}
    for cut, stored in rows.items():
        again = pyramid(load_backbone(first.card.name, pretrained=False, seed=3), (1, 2, 4))
        assert list(again.module.state_dict()) == list(first.module.state_dict())
        again.module.load_state_dict(first.module.state_dict())
        with evaluating(again.module), torch.no_grad():
            assert torch.equal(again.chain.suffix(cut)(stored), whole)


def test_a_row_that_no_size_gives_is_refused() -> None:
    found = pyramid(plain("toy"), (1, 2, 4))
    with pytest.raises(BackboneError, match="an activation of 1001 numbers"):
        found.chain.suffix(-2)(torch.rand(1, 1001))


def test_what_lies_below_the_lowest_map_is_stored_once_and_rows_have_addresses_of_their_own() -> None:
    backbone = plain("lite0")
    found, fewer = pyramid(backbone), pyramid(backbone, (8, 16, 32))
    lowest = next(block.cut for block in backbone.chain.blocks if block.name == "blocks.1")
    assert prefix_sha256(found.chain, lowest) == prefix_sha256(backbone.chain, lowest)
    for cut in (lowest + 1, len(found.chain) - 2, len(found.chain) - 1):
        assert len({prefix_sha256(each.chain, cut) for each in (backbone, found, fewer)}) >= 2
        assert prefix_sha256(found.chain, cut) != prefix_sha256(backbone.chain, cut)
    last = len(found.chain) - 1
    assert prefix_sha256(found.chain, last) != prefix_sha256(fewer.chain, last)


def test_other_channels_and_low_rank_matrices_are_taken_along() -> None:
    backbone = load_backbone("toy?pretrained=false&channels=13")
    network = Network(pyramid(backbone, (1, 2, 4)), nn.Identity())
    x = images(backbone)
    assert x.shape[1] == 13
    attach(network, rank=2, alpha=4.0, on=lambda name: True, seed=0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(".B"):
                parameter.normal_(generator=torch.Generator().manual_seed(1))
    chain = network.facts.chain
    assert any(".parametrizations." in name for block in chain.blocks for name in block.parameters)
    with evaluating(network), torch.no_grad():
        tuned = assert_exact(chain, x)
        merge(network)
        torch.testing.assert_close(assert_exact(chain, x), tuned, rtol=1e-4, atol=1e-4)


def test_one_is_made_of_a_backbone_with_low_rank_matrices() -> None:
    network = Network(plain("toy"), LinearHead(20, 2))
    attach(network, rank=2, alpha=4.0, on=lambda name: True, seed=0)
    found = pyramid(network.facts, (2, 4))
    assert any(name.endswith(".A") for name in found_names(found))
    with evaluating(found.module), torch.no_grad():
        assert_exact(found.chain, images(found))


def test_random_weights_can_be_put_in() -> None:
    network = Network(pyramid(plain("toy"), (2, 4)), nn.Identity())
    before = network.backbone.state_dict()["stem.0.weight"].clone()
    apply_edits(network, reset=True, seed=3)
    assert not torch.equal(network.backbone.state_dict()["stem.0.weight"], before)
    apply_edits(network, reset="input", seed=4)


@pytest.mark.parametrize(
    ("uri", "strides", "size", "said"),
    [
        ("toy", (4, 8, 16), None, "no map of stride 8 or 16\nExpected: strides out of 1, 2, 4"),
        ("toy?taps=1", (2, 4), None, "those of several blocks already"),
        ("toy_series", (4, 8), None, "it takes series"),
        ("toy", (2, 4), 4, "at least 8 pixels"),
        ("timm:vit_tiny_patch16_224?size=64", (4, 8), 96, "which takes 64 alone"),
    ],
)
def test_what_cannot_be_is_said(uri: str, strides: tuple[int, ...], size: int | None, said: str) -> None:
    with pytest.raises(BackboneError, match=said):
        pyramid(plain(uri) if uri.startswith("timm") else load_backbone(uri), strides, size=size)


def test_a_network_that_cannot_be_cut_says_why() -> None:
    backbone = plain("toy")
    backbone.chain = Chain(backbone.module, backbone.chain.cuts[:2], backbone.chain.blocks, None, "it branches")
    with pytest.raises(BackboneError, match=r"cannot be cut \(it branches\)"):
        pyramid(backbone, (1, 2, 4))
