"""A backbone for other channels and sizes: activations keep their scale, names are kept, and every cut stays exact."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import timm
import torch
from PIL import Image
from timm.models import adapt_input_conv
from timm.models.vision_transformer import checkpoint_filter_fn
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from warmstart.errors import BackboneError
from warmstart.model.adaptation import adapted
from warmstart.model.adapters.base import assemble
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.bands import origins
from warmstart.model.catalog import load_backbone, untrained_module
from warmstart.model.edits import apply_edits
from warmstart.model.input_layer import inflate, input_layer
from warmstart.model.network import Network
from warmstart.model.uri import Uri
from warmstart.preprocess.image import prepare
from warmstart.preprocess.spec import PreprocessSpec

FACTOR = 1.5
"""By how much the deviation of the first layer's output may change when channels are added or taken away."""
VIT = "timm:test_vit?pretrained=false"


def weight(backbone: Backbone) -> Tensor:
    x = torch.rand(2, backbone.preprocess.channels, 64, 64)
    return input_layer(backbone.module, x).weight.detach()


@pytest.fixture(scope="module")
def lite0() -> Backbone:
    return load_backbone("lite0")


@pytest.mark.parametrize(
    "option", ["channels=1", "channels=2", "channels=4", "channels=13", "channels=13&inflate=mean"]
)
@torch.no_grad()
def test_activations_keep_their_scale_on_photos(lite0: Backbone, photos: dict[str, Image.Image], option: str) -> None:
    rgb = prepare(list(photos.values()), lite0.preprocess)
    layer = input_layer(lite0.module, rgb)
    chosen = origins(lite0.preprocess, Uri.of(f"lite0?{option}"))
    assert chosen is not None
    other = copy.deepcopy(layer)
    inflate(other, chosen)
    # What the channels of multispectral images share: each is a mixture of the colours.
    mixture = torch.rand(len(chosen), 3, generator=torch.Generator().manual_seed(0))
    x = torch.einsum("nc,bchw->bnhw", mixture / mixture.sum(1, keepdim=True), rgb)
    ratio = other(x).std() / layer(rgb).std()
    assert 1 / FACTOR < ratio < FACTOR


def test_one_grey_channel_is_the_colour_network_on_grey_images(lite0: Backbone, photos: dict[str, Image.Image]) -> None:
    grey = [photo.convert("L") for photo in photos.values()]
    one = load_backbone("lite0?channels=1")
    with torch.no_grad():
        expected = lite0.chain(prepare([image.convert("RGB") for image in grey], lite0.preprocess))
        found = one.chain(prepare(grey, one.preprocess))
    assert torch.allclose(found, expected, atol=1e-3)
    assert (one.preprocess.channels, one.preprocess.scale) == (1, 255)


@pytest.mark.parametrize("channels", [1, 2, 4, 13])
def test_channels_by_number_have_the_weights_that_timm_gives_them(channels: int) -> None:
    expected = adapt_input_conv(channels, weight(load_backbone("toy")).clone())
    assert torch.allclose(weight(load_backbone(f"toy?channels={channels}")), expected, atol=1e-6)


def test_bands_that_both_sides_name_keep_their_weights_and_the_others_have_the_mean() -> None:
    red, green, blue = weight(load_backbone("toy")).unbind(1)
    for names in ("B02,B03,B04", "b2,b3,b4", "blue,green,red"):
        assert torch.equal(weight(load_backbone(f"toy?bands={names}")), torch.stack([blue, green, red], 1))
    four = weight(load_backbone("toy?bands=B02,B03,B04,B08"))
    expected = torch.stack([blue, green, red, (red + green + blue) / 3], 1) * 3 / 4
    assert torch.allclose(four, expected, atol=1e-6)


def test_the_preprocessing_follows_by_name_where_it_is_known_and_by_the_mean_where_not() -> None:
    spec = PreprocessSpec(
        size=32, mean=(1.0, 2.0, 6.0), std=(2.0, 3.0, 4.0), bands=("B02", "B03", "B8A"), scale=10_000.0
    )
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    named = assemble(module, spec, BackboneCard("a", "a", "here", "MIT", "things", "", 0))
    found = adapted(named, Uri("a", bands=("B8A", "B3", "B11"))).preprocess
    assert (found.mean, found.std, found.bands, found.scale) == (
        (6.0, 2.0, 3.0),
        (4.0, 3.0, 3.0),
        ("B8A", "B3", "B11"),
        10_000.0,
    )


def test_weights_for_photos_say_nothing_of_the_values_of_other_bands() -> None:
    for option in ("channels=4", "bands=B02,B03,B04"):
        spec = load_backbone(f"toy?{option}").preprocess
        assert (spec.scale, set(spec.mean), set(spec.std)) == (None, {0.0}, {1.0})


@pytest.mark.parametrize(
    "uri",
    [
        "toy?channels=5&size=48",
        "toy?bands=B02,B08&taps=1",
        "timm:convnext_atto?pretrained=false&channels=4",
        f"{VIT}&channels=13&size=64",
        pytest.param("lite0?channels=4", marks=pytest.mark.slow),
        pytest.param("timm:resnetv2_50x1_bit?pretrained=false&channels=2", marks=pytest.mark.slow),
        pytest.param("timm:swin_tiny_patch4_window7_224?pretrained=false&size=160", marks=pytest.mark.slow),
    ],
)
def test_adapted_networks_keep_to_the_contract_of_cuts(uri: str) -> None:
    backbone = load_backbone(uri)
    size = backbone.preprocess.size if backbone.card.fixed_size else 64
    x = torch.randn(2, backbone.preprocess.channels, size, size, generator=torch.Generator().manual_seed(0))
    assert backbone.chain.why_uncut == ""
    assert backbone.card.name == uri
    with torch.no_grad():
        expected = backbone.chain(x)
        for cut in range(0, len(backbone.chain), 6):
            activation = backbone.chain.prefix(cut)(x)
            assert activation.shape[1:] == backbone.chain.activation_shape(cut, size)
            assert torch.allclose(backbone.chain.suffix(cut)(activation), expected, rtol=1e-5, atol=1e-5)


def test_the_name_rebuilds_it_and_the_hash_is_that_of_the_adapted_weights() -> None:
    one, plain = load_backbone("toy?channels=4&size=48"), load_backbone("toy")
    again = load_backbone(one.card.name)
    assert again.card == one.card
    assert one.card.weights_sha256 != plain.card.weights_sha256
    assert "adapted from 3 channels" in one.card.source
    bundled = load_backbone(one.card.name, pretrained=False).module
    bundled.load_state_dict(one.module.state_dict())
    assert one.module.get_parameter("stem.0.weight").shape == (8, 4, 3, 3)


@pytest.mark.parametrize(
    "uri",
    ["toy?channels=4", "toy?bands=B02,B03,B04,B08&taps=1", f"{VIT}&size=64"],
)
def test_reset_draws_weights_of_the_adapted_shapes(uri: str) -> None:
    backbone = load_backbone(uri)
    network = Network(backbone, nn.Linear(backbone.out_features, 2))
    before = copy.deepcopy(backbone.module.state_dict())
    reset = apply_edits(network, reset=True, seed=3)
    fresh = load_backbone(uri, pretrained=False, seed=3)
    assert reset.facts.card == fresh.card
    assert any(not torch.equal(tensor, before[name]) for name, tensor in reset.backbone.state_dict().items())
    drawn = untrained_module(uri, seed=3).state_dict()
    for name, tensor in fresh.module.state_dict().items():
        assert torch.equal(tensor, drawn[name])


def test_random_weights_of_more_channels_are_drawn_for_each_of_them() -> None:
    three, nine = (weight(load_backbone(f"toy?pretrained=false{x}")) for x in ("", "&channels=9"))
    assert not torch.allclose(nine[:, 0] / nine[:, 3], torch.ones(()))
    assert nine.std() == pytest.approx(three.std().item() / 3**0.5, rel=0.1)


def test_a_transformer_at_another_size_is_timms_own() -> None:
    whole = load_backbone(VIT, seed=2)
    with torch.no_grad():
        whole.module.get_parameter("pos_embed").normal_(generator=torch.Generator().manual_seed(0))
    state = copy.deepcopy(whole.module.state_dict())
    expected = timm.create_model("test_vit", num_classes=0, img_size=96).eval()
    assert isinstance(expected, timm.models.VisionTransformer)
    expected.load_state_dict(checkpoint_filter_fn(dict(state), expected))
    found = adapted(whole, Uri("timm", "test_vit", size=96))
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(found.chain(x), expected(x), atol=1e-5)
    assert (found.preprocess.size, found.card.min_size, found.card.fixed_size) == (96, 96, True)


def test_torchvisions_transformer_is_resampled_too() -> None:
    module = VisionTransformer(32, 8, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
    module.heads = nn.Sequential()
    card = BackboneCard("v", "v", "here", "MIT", "things", "", 0, min_size=32, fixed_size=True)
    larger = adapted(assemble(module, PreprocessSpec(size=32), card), Uri("v", size=48))
    assert larger.chain(torch.rand(2, 3, 48, 48)).shape == (2, 16)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (f"{VIT}&size=150", "a multiple of 16: 144 is one"),
        (f"{VIT}&size=16", "at least 32 pixels"),
        ("toy?size=4", "at least 8 pixels"),
        ("toy?channels=4&bands=B02", "not both"),
        ("toy?channels=0", "channels=NUMBER"),
        ("toy?bands=B02,b2", "every band once"),
    ],
)
def test_what_cannot_be_is_said(uri: str, said: str) -> None:
    with pytest.raises(BackboneError, match=said):
        load_backbone(uri)


class _Standardised(nn.Module):
    """Sees its channels through something else than a convolution, too."""

    def __init__(self, groups: int = 1, channels: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 6, 3, groups=groups)
        self.mean = nn.Buffer(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x - self.mean).mean((2, 3))
        return out


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (_Standardised(), "does not run on 5 channels"),
        (_Standardised(groups=3), "in 3 groups"),
        (nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()), "no single"),
    ],
)
def test_an_unusual_input_layer_is_refused(module: nn.Module, said: str) -> None:
    backbone = assemble(module, PreprocessSpec(size=32), BackboneCard("m", "m", "here", "MIT", "things", "", 0))
    with pytest.raises(BackboneError, match=said):
        adapted(backbone, Uri("m", channels=5))


def test_bands_by_name_need_names_on_both_sides() -> None:
    five = dataclasses.replace(load_backbone("toy?channels=5"))
    with pytest.raises(BackboneError, match="no names for their 5 channels"):
        adapted(five, Uri("toy", bands=("B02", "B03")))
