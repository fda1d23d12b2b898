"""Features of several blocks: exact, in one order everywhere; cuts, blocks and weights stay as they were."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from warmstart.cache.key import prefix_sha256
from warmstart.data.schema import ClassTarget
from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.edits import apply_edits
from warmstart.model.network import Network
from warmstart.model.taps import default_taps, tapped
from warmstart.model.uri import Uri
from warmstart.task.classify import CLASSIFY

LARGE = ("timm:vit_tiny_patch16_224?pretrained=false", "timm:densenet121?pretrained=false")
NAMES = ("toy", "lite0", *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE))
IMAGES = {"toy": 32, "lite0": 64, "timm:densenet121?pretrained=false": 64}


@pytest.fixture(scope="module", params=NAMES)
def pair(request: pytest.FixtureRequest) -> tuple[Backbone, Backbone]:
    """A backbone, and the same with the default taps."""
    plain = load_backbone(request.param)
    return plain, tapped(plain, default_taps(plain))


def images(backbone: Backbone) -> torch.Tensor:
    size = IMAGES.get(str(backbone.card.name), backbone.preprocess.size)
    return torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_its_own_features_come_last_and_the_rest_are_means_and_maxima_at_the_ends_of_blocks(
    pair: tuple[Backbone, Backbone],
) -> None:
    plain, wide = pair
    x = images(plain)
    found, own = wide.chain(x), plain.chain(x)
    assert found.shape == (3, wide.out_features)
    assert torch.allclose(found[:, wide.groups[-1].start :], own, atol=1e-5)
    end = next(block.cut for block in plain.chain.blocks if block.name == wide.groups[0].name)
    below = plain.chain.prefix(end)(x)
    flat = below.flatten(2) if below.ndim == 4 else below.transpose(1, 2)
    expected = torch.cat([flat.mean(2), flat.amax(2)], 1)
    assert torch.allclose(found[:, : wide.groups[0].stop], expected, atol=1e-5)


def test_groups_partition_the_features(pair: tuple[Backbone, Backbone]) -> None:
    groups = pair[1].groups
    assert groups[0].start == 0
    assert groups[-1].stop == pair[1].out_features
    assert all(a.stop == b.start for a, b in itertools.pairwise(groups))


@torch.no_grad()
def test_every_cut_is_exact(pair: tuple[Backbone, Backbone]) -> None:
    chain, x = pair[1].chain, images(pair[0])
    for cut in range(0, len(chain.cuts), 5):
        assert torch.allclose(chain.suffix(cut)(chain.prefix(cut)(x)), chain(x), rtol=1e-5, atol=1e-5)


def test_what_lies_below_the_taps_is_stored_once_for_both_and_the_features_are_not_mixed_up(
    pair: tuple[Backbone, Backbone],
) -> None:
    plain, wide = pair[0].chain, pair[1].chain
    for cut in range(0, len(wide.cuts) - 1, 5):
        assert prefix_sha256(wide, cut) == prefix_sha256(plain, cut)
    keys = {prefix_sha256(chain, len(chain.cuts) - 1) for chain in (plain, wide, tapped(pair[0], 1).chain)}
    assert len(keys) == 2 if default_taps(pair[0]) == 1 else len(keys) == 3


def test_names_of_parameters_and_blocks_are_those_of_the_backbone(pair: tuple[Backbone, Backbone]) -> None:
    plain, wide = pair
    assert set(wide.module.state_dict()) == set(plain.module.state_dict())
    assert [(b.name, b.parameters) for b in wide.chain.blocks] == [(b.name, b.parameters) for b in plain.chain.blocks]
    for a, b in zip(plain.chain.blocks, wide.chain.blocks, strict=True):
        assert plain.chain.modules_of(a) == wide.chain.modules_of(b)


def test_a_clone_has_weights_of_its_own_and_the_same_features() -> None:
    wide = load_backbone("toy?taps=1")
    copy, x = wide.clone(), images(load_backbone("toy"))
    with torch.no_grad():
        assert torch.equal(copy.chain(x), wide.chain(x))
        next(copy.module.parameters()).add_(1.0)
        assert not torch.equal(copy.chain(x), wide.chain(x))


def test_random_weights_can_be_put_in() -> None:
    wide = load_backbone("toy?taps=1")
    before = {name: tensor.clone() for name, tensor in wide.module.state_dict().items()}
    head = CLASSIFY.head(wide.out_features, _target(), seed=0)
    network = apply_edits(Network(wide.clone(), head), reset=True, seed=3)
    assert Uri.of(network.facts.card.name) == Uri("toy", pretrained=False, taps=1)
    assert any(not torch.equal(tensor, before[name]) for name, tensor in network.backbone.state_dict().items())


def _target() -> ClassTarget:
    return ClassTarget(("a", "b"))


def test_a_name_says_how_many_and_comes_back() -> None:
    wide = load_backbone("toy?pretrained=false&taps=1")
    assert wide.card.name == "toy?pretrained=false&taps=1"
    assert load_backbone("toy?taps=0").groups == ()
    assert np.isclose(wide.out_features, load_backbone("toy").out_features + 2 * 16)


@pytest.mark.parametrize(("name", "said"), [("toy?taps=9", "at most 3"), ("toy?taps=-1", "taps=NUMBER")])
def test_what_cannot_be_is_said(name: str, said: str) -> None:
    with pytest.raises(BackboneError, match=said):
        load_backbone(name)
