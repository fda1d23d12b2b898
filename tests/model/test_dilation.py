"""Strides that become dilation: what timm's own networks of that output stride give, over the same weights."""

from __future__ import annotations

import pytest
import timm
import torch

from warmstart.errors import BackboneError
from warmstart.model.catalog import load_backbone
from warmstart.model.dilation import dilated
from warmstart.model.modes import evaluating
from warmstart.model.pyramid import pyramid

LARGE = [pytest.param(name, marks=pytest.mark.slow) for name in ("resnet18", "resnet26d", "mobilenetv2_035")]


@pytest.mark.parametrize("output_stride", [8, 16])
@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", *LARGE])
def test_it_gives_what_timm_gives_for_that_output_stride(name: str, output_stride: int) -> None:
    backbone = load_backbone(f"timm:{name}", pretrained=False)
    theirs = timm.create_model(name, num_classes=0, output_stride=output_stride)
    theirs.load_state_dict(backbone.module.state_dict())
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), evaluating(backbone.module):
        before = backbone.chain(x)
        found = dilated(backbone, output_stride)
        with evaluating(found.module):
            torch.testing.assert_close(found.chain(x), theirs.eval()(x), rtol=1e-5, atol=1e-6)
        assert torch.equal(backbone.chain(x), before)
    own = dict(backbone.module.named_parameters())
    assert all(own[key] is parameter for key, parameter in found.module.named_parameters())
    assert list(found.module.state_dict()) == list(backbone.module.state_dict())


@pytest.mark.slow
def test_maps_of_it_have_the_resolution_that_was_kept() -> None:
    backbone = dilated(load_backbone("timm:resnet18", pretrained=False), 16)
    found = pyramid(backbone, (4, 16))
    assert found.maps is not None
    assert (found.maps.names, found.maps.channels, found.maps.sides) == (("layer1", "layer4"), (64, 512), (56, 14))
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with evaluating(found.module), torch.no_grad():
        whole = found.chain(x)
        for cut in range(0, len(found.chain), 4):
            assert torch.equal(found.chain.suffix(cut)(found.chain.prefix(cut)(x)), whole)


@pytest.mark.parametrize(
    ("uri", "output_stride", "said"),
    [
        ("timm:resnet18", 2, "not only its convolutions"),
        ("timm:convnext_atto", 2, "stem.0 goes from a stride of 1 to 4 at once"),
        ("toy_series", 16, "no traced network for images"),
        ("toy?taps=1", 2, "with features of its own"),
    ],
)
def test_what_cannot_be_is_said(uri: str, output_stride: int, said: str) -> None:
    with pytest.raises(BackboneError, match=f"cannot become dilation: .*{said}"):
        dilated(load_backbone(f"{uri}&pretrained=false" if "?" in uri else f"{uri}?pretrained=false"), output_stride)


def test_a_network_of_that_stride_is_returned_as_it_is() -> None:
    toy = load_backbone("toy")
    assert dilated(toy, 4) is toy
