"""Decoders on maps: the supplier's own model gives the same logits."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import torch
from torch import Tensor

from warmstart.errors import BackboneError, MissingExtraError, RecipeError
from warmstart.model.head import build_head
from warmstart.model.maps import Maps
from warmstart.model.segment.decoder import DecoderHead, decoder_head
from warmstart.model.segment.design import design_of, designs
from warmstart.model.segment.supplied import Supplied

SIZE = 64
MAPS = Maps(tuple("abcde"), (8, 8, 16, 16, 32), (2, 4, 8, 16, 32), (64, 32, 16, 8, 4), 128)


def maps_for(text: str) -> Maps:
    """The maps that a decoder reads, of few channels."""
    (design, options), size = design_of(text), 256 if text == "pan" else 96  # PAN halves its smallest map thrice
    strides = design.strides(options)[0]
    return Maps(tuple(map(str, strides)), (32,) * len(strides), strides, tuple(size // s for s in strides), size)


def supplied(name: str, encoder: str, size: int, **options: Any) -> tuple[Any, Tensor, Maps, Tensor]:
    """The supplier's model, images, and what its encoder gives for them: the maps that our decoder reads, packed."""
    torch.manual_seed(0)
    design, ours = design_of(name)
    assert isinstance(design, Supplied)
    stride = design.output_stride(ours)
    dilation = {"encoder_output_stride": stride} if stride else dict(design.fixed)
    model = getattr(smp, design.model)(encoder, encoder_weights=None, classes=3, **dilation, **options).eval()
    # Channels last, as our maps are: what a convolution rounds depends on it.
    images = torch.rand(2, 3, size, size).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        found = {size // each.shape[-1]: each for each in model.encoder(images)[1:] if each.shape[1]}
    strides = next(s for s in design.strides(ours) if all(stride in found for stride in s))
    shapes = [found[s].shape for s in strides]
    maps = Maps(tuple(map(str, strides)), tuple(s[1] for s in shapes), strides, tuple(s[2] for s in shapes), size)
    return model, images, maps, maps.pack([found[s] for s in strides])


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("unet", "resnet18"),
        ("unet", "tu-tf_efficientnet_lite0"),
        ("unet", "tu-convnext_atto"),  # which has no map of stride 2
        ("unetplusplus", "resnet18"),
        ("manet", "resnet18"),
        ("linknet", "resnet18"),
        ("fpn", "resnet18"),
        ("pspnet", "resnet18"),
        ("upernet", "resnet18"),
        ("segformer", "tu-convnext_atto"),  # as in the paper: with strides of 4 and more
        ("deeplabv3", "resnet18"),
        ("deeplabv3plus", "resnet18"),
    ],
)
def test_logits_are_those_of_the_suppliers_own_model(name: str, encoder: str) -> None:
    model, images, maps, rows = supplied(name, encoder, SIZE)
    head = DecoderHead(name, maps.to_dict(), 3).eval()
    head.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("encoder.")})
    with torch.no_grad():
        torch.testing.assert_close(head(rows), model(images), rtol=1e-5, atol=1e-5)


def test_pan_too_where_its_smallest_map_can_be_halved_thrice() -> None:
    model, images, maps, rows = supplied("pan", "resnet18", 256)
    head = DecoderHead("pan", maps.to_dict(), 3).eval()
    head.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("encoder.")})
    with torch.no_grad():
        torch.testing.assert_close(head(rows), model(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", list(designs))
def test_a_decoder_is_rebuilt_from_its_config_and_drawn_from_its_seed_alone(name: str) -> None:
    maps = maps_for(name)
    head = decoder_head(name, maps, 4, dropout=0.1, seed=3)
    torch.rand(5)
    again = build_head(json.loads(json.dumps(head.config)) | {"seed": 3})
    assert json.loads(json.dumps(again.config)) == json.loads(json.dumps(head.config))
    state = again.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in head.state_dict().items())
    other = decoder_head(name, maps, 4, seed=4).state_dict()
    assert not all(torch.equal(value, other[key]) for key, value in head.state_dict().items())
    rows = torch.rand(2, maps.width)
    assert head.eval()(rows).shape == (2, 4, maps.size, maps.size)
    torch.testing.assert_close(head(rows), again.eval()(rows))


def test_building_draws_nothing_from_the_generator_that_others_draw_from() -> None:
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    decoder_head("unet", MAPS, 2)
    assert torch.equal(torch.rand(3), wanted)


def test_options_are_the_suppliers_own_and_weights_are_named_as_its() -> None:
    head = decoder_head("unet?channels=64,32,16,8,4&attention_type=scse", MAPS, 2)
    own = smp.Unet(
        "resnet18", encoder_weights=None, decoder_channels=(64, 32, 16, 8, 4), decoder_attention_type="scse", classes=2
    )
    assert {k for k in own.state_dict() if not k.startswith("encoder.")} == set(head.state_dict())
    assert head.get_submodule("segmentation_head.0").in_channels == 4


def test_images_of_another_size_are_answered_at_theirs() -> None:
    head = decoder_head("unet", MAPS, 2).eval()
    assert head(torch.rand(1, MAPS.at(64).width)).shape == (1, 2, 64, 64)


def test_a_unet_takes_any_size_and_others_say_which_they_take() -> None:
    maps = Maps(MAPS.names, MAPS.channels, MAPS.strides, (50, 25, 13, 7, 4), 100)
    assert decoder_head("unet", maps, 2).eval()(torch.rand(1, maps.width)).shape == (1, 2, 100, 100)
    with pytest.raises(BackboneError, match="a multiple of 32"):
        decoder_head("unetplusplus", maps, 2)


@pytest.mark.parametrize("name", ["unet", "unetplusplus", "manet", "linknet"])
def test_a_small_network_has_a_decoder_of_fewer_levels(name: str) -> None:
    maps = Maps(("a", "b"), (16, 16), (2, 4), (16, 8), 32)
    head = decoder_head(name, maps, 3)
    assert head(torch.rand(2, maps.width)).shape == (2, 3, 32, 32)
    if name == "unet":
        assert head.get_submodule("segmentation_head.0").in_channels == 16


def test_channels_for_too_few_levels_are_refused() -> None:
    with pytest.raises(RecipeError, match="5 numbers"):
        decoder_head("unet?channels=8,4", MAPS, 2)


def test_every_part_learns() -> None:
    for name in designs:
        maps = maps_for(name)
        head = decoder_head(name, maps, 3).train()
        rows = torch.rand(2, maps.width, requires_grad=True)
        head(rows).square().mean().backward()
        assert rows.grad is not None
        assert all(p.grad is not None for p in head.parameters()), name


def test_a_name_or_an_option_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(RecipeError, match=r"unet, unetplusplus[\s\S]*'unet'"):
        decoder_head("unett", MAPS, 2)
    with pytest.raises(RecipeError, match=r"channels=256,128,64,32,16[\s\S]*'channels'"):
        decoder_head("unet?channel=3", MAPS, 2)
    design, options = design_of("deeplabv3?output_stride=4")
    with pytest.raises(RecipeError, match="output_stride is one of 8, 16"):
        design.strides(options)


def test_pooled_features_are_refused() -> None:
    with pytest.raises(BackboneError, match="pooled features under the head 'unet'"):
        decoder_head("", None, 2)


def test_without_the_supplier_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(MissingExtraError, match=r"warmstart\[segment\]"):
        decoder_head("unet", MAPS, 2)
    assert decoder_head("fcn", maps_for("fcn"), 2).eval()(torch.rand(1, maps_for("fcn").width)).shape[1] == 2
