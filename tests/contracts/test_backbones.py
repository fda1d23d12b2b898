"""What every backbone keeps to: those of the registry, and one member or more of each family of timm."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.model.series.foundation import CONFIGS, folder
from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone, untrained_module
from warmstart.model.edits import apply_edits
from warmstart.model.head import LinearHead
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.model.pyramid import pyramid
from warmstart.model.uri import Uri
from warmstart.preprocess.spec import PreprocessSpec

SMALL = {
    "toy": 12,
    "lite0": 71,
    "timm:resnet18": 24,
    "timm:mobilenetv2_035": 72,
    "timm:tf_efficientnet_lite0": 71,
    "timm:efficientnet_b0": 71,
    "timm:convnext_atto": 30,
    "timm:vit_tiny_patch16_224": 39,
    "timm:densenet121": 22,
    "timm:resnetv2_50x1_bit": 40,
    "keras:mobilenet_v2_035": 72,
    "torchvision:resnet18": 24,
    "toy_series": 12,
    "toy_series?channels=3": 12,
    "mantis:./mantis": 12,
    "mantis:./mantis?channels=2": 12,
    "moment:./moment": 10,
    "chronos:./chronos-t5": 9,
    "chronos:./chronos-bolt": 11,
    "chronos:./chronos-bolt?channels=20": 11,
    "fcn1d": 14,
    "fcn1d?channels=3": 14,
    "resnet1d": 8,
    "resnet1d?channels=3": 8,
    "inceptiontime": 6,
    "inceptiontime?channels=3": 6,
}
"""At least so many cuts. The smallest member of each family that has one, and all at their smallest size."""

LARGE = {
    "timm:vgg16": 38,
    "timm:vgg19": 44,
    "timm:resnet50": 40,
    "timm:resnet101": 74,
    "timm:vit_base_patch16_clip_224.openai": 39,
    "timm:convnext_tiny.dinov3_lvd1689m": 36,
    "timm:inception_v3": 28,
    "timm:mobilenetv2_100": 72,
    "timm:tf_efficientnet_b0": 71,
    "timm:tf_efficientnet_b7": 110,
    "timm:convnext_tiny": 36,
    "timm:swin_tiny_patch4_window7_224": 38,
    "timm:vit_small_patch16_224": 39,
    "timm:vit_small_patch14_dinov2": 39,
    "timm:maxvit_tiny_rw_224": 87,
    "keras:vgg16": 34,
    "keras:resnet50": 39,
    "keras:inception_v3": 31,
    "keras:inception_resnet_v2": 106,
    "keras:densenet121": 79,
    "keras:efficientnet_b0": 79,
    "radimagenet:resnet50": 39,
    "torchvision:vgg16": 39,
    "torchvision:densenet121": 26,
    "torchvision:inception_v3": 34,
    "torchvision:swin_t": 42,
    "torchvision:vit_b_32": 33,
}

BLOCKS = {
    "toy": "stem stages.0 stages.1 stages.2",
    "lite0": "stem " + " ".join(f"blocks.{i}" for i in range(7)) + " conv_head",
    "timm:resnet18": "stem layer1 layer2 layer3 layer4",
    "timm:resnet50": "stem layer1 layer2 layer3 layer4",
    "timm:mobilenetv2_035": "stem " + " ".join(f"blocks.{i}" for i in range(7)) + " conv_head",
    "timm:efficientnet_b0": "stem " + " ".join(f"blocks.{i}" for i in range(7)) + " conv_head",
    "timm:convnext_atto": "stem stages.0 stages.1 stages.2 stages.3",
    "timm:vit_tiny_patch16_224": "patch_embed " + " ".join(f"blocks.{i}" for i in range(12)),
    "timm:swin_tiny_patch4_window7_224": "patch_embed layers.0 layers.1 layers.2 layers.3",
    "timm:maxvit_tiny_rw_224": "stem stages.0 stages.1 stages.2 stages.3",
    "timm:resnetv2_50x1_bit": "stem stages.0 stages.1 stages.2 stages.3",
    "timm:densenet121": "stem features.denseblock1 features.transition1 features.denseblock2 features.transition2 "
    "features.denseblock3 features.transition3 features.denseblock4",
    "keras:mobilenet_v2_035": "stem " + " ".join(f"stages.{i}" for i in range(7)) + " Conv_1",
    "keras:vgg16": " ".join(f"block{i}" for i in range(1, 6)),
    "keras:resnet50": " ".join(f"conv{i}" for i in range(1, 6)),
    "keras:inception_v3": "stem " + " ".join(f"mixed{i}" for i in range(11)),
    "keras:inception_resnet_v2": "stem mixed_5b block35 mixed_6a block17 mixed_7a block8 conv_7b",
    "keras:densenet121": "conv1 conv2 pool2 conv3 pool3 conv4 pool4 conv5",
    "keras:efficientnet_b0": "stem " + " ".join(f"stages.{i}" for i in range(7)) + " top",
    "fcn1d": "block1 block2 block3",
    "resnet1d": "block1 block2 block3",
    "inceptiontime": "block1 block2",
}

BLOCKS |= {f"{name}{of}": BLOCKS[name] for name in ("fcn1d", "resnet1d", "inceptiontime") for of in ("?channels=3",)}

SHARED = "relative_attention_bias"
"""The table of the first layer that all layers of T5 read."""

SEVERAL_WAYS_IN = ("resnet1d", "inceptiontime", "mantis", "moment", "chronos")
"""Networks whose input is read by several layers, so that there is no input layer to draw anew."""

CUTS = SMALL | LARGE
_loaded: dict[str, Backbone] = {}


@pytest.fixture(params=[*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def uri(request: pytest.FixtureRequest, published: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(published)
    return str(request.param)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a folder of each architecture that is read from files."""
    parent = tmp_path_factory.mktemp("published")
    for name in CONFIGS:
        folder(parent, name)
    return parent


@pytest.fixture
def backbone(uri: str) -> Backbone:
    """A copy of one's own; loaded once."""
    if uri not in _loaded:
        _loaded.clear()
        backbone = load_backbone(uri, pretrained=uri in ("toy", "lite0"))
        _unlike_at_birth(backbone.module)
        _loaded[uri] = backbone
    return _loaded[uri].clone()


def _unlike_at_birth(module: nn.Module) -> None:
    """Give parameters that start at zero or one (layer scale, position, norms) values that matter."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.std() < 1e-4 or parameter.ndim < 2:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)


def images(backbone: Backbone, n: int = 3) -> Tensor:
    """Inputs, which may be series."""
    example = backbone.chain.inputs.example(n, backbone.card.min_size, backbone.module)
    return torch.rand(example.shape, generator=torch.Generator().manual_seed(0))


def some_cuts(backbone: Backbone) -> list[int]:
    last = len(backbone.chain) - 1
    return sorted({0, last - 1, last, *range(1, last, max(1, last // 6)), backbone.chain.blocks[1].cut})


def assert_same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_every_cut_that_tracing_finds_is_there(uri: str, backbone: Backbone) -> None:
    assert backbone.chain.why_uncut == ""
    assert len(backbone.chain) >= CUTS[uri]
    names = [cut.name for cut in backbone.chain.cuts]
    assert (names[0], names[-1]) == ("input", "features")
    assert len(set(names)) == len(names)


def test_suffix_after_prefix_is_the_network_in_evaluation(backbone: Backbone) -> None:
    x = images(backbone)
    with evaluating(backbone.module), torch.no_grad():
        expected = backbone.chain(x)
        assert expected.shape == (3, backbone.out_features)
        for cut in some_cuts(backbone):
            activation = backbone.chain.prefix(cut)(x)
            before = activation.clone()
            assert_same(backbone.chain.suffix(cut)(activation), expected)
            assert torch.equal(activation, before)


def test_every_single_segment_chains_to_the_network_in_evaluation(backbone: Backbone) -> None:
    x = images(backbone, n=2)
    with evaluating(backbone.module), torch.no_grad():
        expected = backbone.chain(x)
        for cut in range(len(backbone.chain) - 1):
            before, same = x, x.clone()
            x = backbone.chain.segment(cut, cut + 1)(before)
            assert torch.equal(before, same), f"the segment after {backbone.chain.cuts[cut].name} changed its input"
            assert x.untyped_storage().data_ptr() != before.untyped_storage().data_ptr()
    assert_same(x, expected)


def test_suffix_after_prefix_is_the_network_in_training_too(backbone: Backbone) -> None:
    backbone.module.train()
    x, cut = images(backbone, n=4), backbone.chain.blocks[len(backbone.chain.blocks) // 2].cut
    copied = backbone.clone()
    torch.manual_seed(0)
    expected = backbone.chain(x)
    torch.manual_seed(0)
    found = copied.chain.suffix(cut)(copied.chain.prefix(cut)(x))
    assert_same(found, expected)
    for (name, a), b in zip(backbone.module.named_buffers(), copied.module.buffers(), strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6), name


def test_gradients_through_a_suffix_are_those_of_the_network(backbone: Backbone) -> None:
    x, cut = images(backbone, n=2), backbone.chain.blocks[-2].cut
    torch.autograd.backward(backbone.chain(x).square().mean())
    last = {
        name: p.grad for name, p in backbone.module.named_parameters() if name in backbone.chain.blocks[-1].parameters
    }
    backbone.module.zero_grad()
    activation = backbone.chain.prefix(cut)(x).detach().requires_grad_()
    torch.autograd.backward(backbone.chain.suffix(cut)(activation).square().mean())
    assert activation.grad is not None
    for name, parameter in backbone.module.named_parameters():
        if name in last:
            torch.testing.assert_close(parameter.grad, last[name], rtol=1e-4, atol=1e-6)
        elif SHARED not in name:
            assert parameter.grad is None


def test_no_segment_changes_its_argument_in_training(backbone: Backbone) -> None:
    backbone.module.train()
    x, last = images(backbone, n=2), len(backbone.chain) - 1
    with torch.no_grad():
        for cut in range(last):
            before = x.clone()
            backbone.chain.segment(cut, min(cut + 4, last))(x)
            assert torch.equal(x, before), backbone.chain.cuts[cut].name
            x = backbone.chain.segment(cut, cut + 1)(x)


def test_activation_shapes_are_those_of_the_activations(backbone: Backbone) -> None:
    size, x = backbone.card.min_size, images(backbone, n=1)
    backbone.module.train()
    shapes = [backbone.chain.activation_shape(cut, size) for cut in some_cuts(backbone)]
    assert backbone.module.training
    with evaluating(backbone.module), torch.no_grad():
        assert [tuple(backbone.chain.prefix(cut)(x).shape[1:]) for cut in some_cuts(backbone)] == shapes


def test_every_parameter_and_buffer_is_in_exactly_one_block(uri: str, backbone: Backbone) -> None:
    blocks = backbone.chain.blocks
    assert sorted(n for b in blocks for n in b.parameters) == sorted(n for n, _ in backbone.module.named_parameters())
    assert sorted(n for b in blocks for n in b.buffers) == sorted(n for n, _ in backbone.module.named_buffers())
    assert [b.index for b in blocks] == list(range(len(blocks)))
    assert [b.cut for b in blocks] == sorted({b.cut for b in blocks})
    assert blocks[-1].cut == len(backbone.chain) - 1
    assert all(b.parameters for b in blocks)
    if uri in BLOCKS:
        assert " ".join(b.name for b in blocks) == BLOCKS[uri]


def test_below_the_end_of_a_block_lie_the_parameters_of_the_blocks_up_to_it(backbone: Backbone) -> None:
    chain, below = backbone.chain, frozenset[str]()
    for block in chain.blocks:
        assert chain.cut_for(set(block.parameters)) >= (chain.blocks[block.index - 1].cut if block.index else 0)
        below |= frozenset(block.parameters)
        assert chain.parameters_below(block.cut) == below
        assert chain.block_at(block.cut) == block
    assert chain.cut_for(()) == len(chain) - 1


def test_what_is_not_below_a_cut_does_not_reach_its_prefix(backbone: Backbone) -> None:
    cut = backbone.chain.blocks[1].cut
    below, modules = backbone.chain.parameters_below(cut), backbone.chain.modules_below(cut)
    with evaluating(backbone.module), torch.no_grad():
        before = backbone.chain.prefix(cut)(images(backbone))
        for name, parameter in backbone.module.named_parameters():
            if name not in below:
                parameter.fill_(torch.nan)
        assert torch.equal(backbone.chain.prefix(cut)(images(backbone)), before)
    backbone.module.train()
    for name in modules:
        backbone.module.get_submodule(name).eval()
    state = copy.deepcopy(backbone.module.state_dict())
    with torch.no_grad():
        assert torch.equal(backbone.chain.prefix(cut)(images(backbone)), before)
    for name, value in backbone.module.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0, equal_nan=True)


def test_clones_and_their_segments_have_weights_of_their_own(backbone: Backbone) -> None:
    copied = backbone.clone()
    with evaluating(backbone.module), evaluating(copied.module), torch.no_grad():
        before = backbone.chain.suffix(0)(images(backbone))
        for parameter in copied.module.parameters():
            parameter.zero_()
        assert torch.equal(backbone.chain.suffix(0)(images(backbone)), before)
        assert not torch.equal(copied.chain.suffix(0)(images(copied)), before)


def test_the_card_states_the_facts(uri: str, backbone: Backbone) -> None:
    card = backbone.card
    assert len(card.weights_sha256) == 64
    assert card.parameters == sum(p.numel() for p in backbone.module.parameters())
    assert card.licence
    assert card.source
    assert Uri.of(card.name).path == Uri.of(uri).path
    assert (card.trained_on == "nothing (random weights)") == (uri != "lite0")


@pytest.mark.parametrize("uri", ["toy", "lite0", "timm:resnet18", "timm:convnext_atto"])
def test_the_weights_depend_on_the_name_and_the_seed_alone(uri: str) -> None:
    pretrained = uri in ("toy", "lite0")
    torch.manual_seed(5)
    one = load_backbone(uri, pretrained=pretrained, seed=3)
    state = torch.random.get_rng_state()
    assert load_backbone(uri, pretrained=pretrained, seed=3).card == one.card
    assert torch.equal(torch.random.get_rng_state(), state), "the global generator was used"
    assert load_backbone(uri, pretrained=False, seed=4).card.weights_sha256 != one.card.weights_sha256


def test_frozen_blocks_are_bit_identical_after_a_step(backbone: Backbone) -> None:
    chain, module = backbone.chain, backbone.module.train()
    frozen = chain.blocks[: max(1, len(chain.blocks) // 2)]
    names = {name for block in frozen for name in (*block.parameters, *block.buffers)}
    for block in frozen:
        for name in chain.modules_of(block):
            module.get_submodule(name).eval()
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name not in names)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=0.1)
    torch.autograd.backward(backbone.chain(images(backbone, n=2)).square().mean())
    optimizer.step()
    changed = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert not changed & names
    assert changed


def test_tuning_from_stored_activations_has_the_losses_of_tuning_from_inputs(backbone: Backbone) -> None:
    copied, x = backbone.clone(), images(backbone, n=4)
    cut = backbone.chain.blocks[-2].cut
    losses = [_losses_above(found, x, cut, stored=stored) for found, stored in ((backbone, False), (copied, True))]
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-6)
    assert losses[0][0] != losses[0][-1]


def _losses_above(backbone: Backbone, x: Tensor, cut: int, *, stored: bool) -> Tensor:
    """Of three steps on what is above a cut, without dropout and the like."""
    chain = backbone.chain
    below = chain.parameters_below(cut)
    trained = [p for name, p in backbone.module.named_parameters() if name not in below]
    with torch.no_grad():
        activation = chain.prefix(cut)(x)
    optimizer, losses = torch.optim.SGD(trained, lr=1e-3), []
    for _ in range(3):
        loss = (chain.suffix(cut)(activation) if stored else chain(x)).square().mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def test_its_state_is_that_of_the_architecture_by_name(uri: str, backbone: Backbone) -> None:
    again = untrained_module(uri, seed=5)
    again.load_state_dict(backbone.module.state_dict())
    x = images(backbone, n=2)
    with evaluating(backbone.module), evaluating(again), torch.no_grad():
        assert_same(again(x), backbone.chain(x))


def test_a_reset_draws_the_input_layer_or_everything_anew(uri: str, backbone: Backbone) -> None:
    network = Network(backbone, LinearHead(backbone.out_features, 2))
    before = {name: value.clone() for name, value in backbone.module.state_dict().items()}
    if uri.startswith(SEVERAL_WAYS_IN):
        with pytest.raises(BackboneError, match="no single convolution"):
            apply_edits(network, reset="input", seed=7)
    else:
        apply_edits(network, reset="input", seed=7)
        after = backbone.module.state_dict()
        changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
        assert changed
        assert {name.rpartition(".")[0] for name in changed} == {next(iter(changed)).rpartition(".")[0]}, "one layer"
    apply_edits(network, reset=True, seed=7)
    fresh = untrained_module(uri, seed=7).state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in backbone.module.state_dict().items())


def test_it_gives_maps_of_several_strides_or_says_why_not(uri: str, backbone: Backbone) -> None:
    if not isinstance(backbone.spec, PreprocessSpec):
        with pytest.raises(BackboneError, match="gives no maps: it takes series"):
            pyramid(backbone)
        return
    strides, size = (1, 2, 4) if uri == "toy" else (4, 8, 16, 32), backbone.card.min_size
    found, x = pyramid(backbone, strides, size=size), images(backbone, n=2)
    assert found.maps is not None
    assert (found.maps.strides, found.maps.size, found.maps.width) == (strides, size, found.out_features)
    last = len(found.chain) - 1
    with evaluating(found.module), torch.no_grad():
        whole = found.chain(x)
        for cut in (1, last // 2, last - 1, last):
            assert torch.equal(found.chain.suffix(cut)(found.chain.prefix(cut)(x)), whole)
        maps = found.maps.unpack(whole)
    assert [each.shape[1:] for each in maps] == [
        (c, side, side) for c, side in zip(found.maps.channels, found.maps.sides, strict=True)
    ]
    if "inception" not in uri:  # it pads nothing
        assert found.maps.sides == tuple(math.ceil(size / stride) for stride in strides)
    torch.autograd.backward(found.chain(x).square().mean())
    assert [name for name, parameter in found.module.named_parameters() if parameter.grad is None] == []
