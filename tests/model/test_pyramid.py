"""Maps of several strides as the features of a backbone: which they are, and every cut exact to the last bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.chain import Chain
from warmstart.model.modes import evaluating
from warmstart.model.pyramid import pyramid

NETWORKS = {
    "toy": (1, 2, 4),
    "lite0": (4, 8, 16, 32),
    "timm:resnet18": (2, 4, 8, 16, 32),
    "timm:mobilenetv3_small_050": (2, 4, 8, 16, 32),
    "timm:convnext_atto": (4, 8, 16, 32),
    "timm:vit_tiny_patch16_224?size=64": (4, 8, 16, 32),
}
LARGE = {
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
