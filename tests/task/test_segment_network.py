"""A backbone and a decoder: what a target asks for is built, learns, and is cut where the backbone is."""

from __future__ import annotations

import pytest
import segmentation_models_pytorch as smp
import torch
from torch import nn

from warmstart.data.scenes import MaskTarget
from warmstart.errors import BackboneError
from warmstart.model.catalog import load_backbone
from warmstart.model.segment.decoder import DecoderHead
from warmstart.task.base import suited, task_of
from warmstart.task.network import network_for

TWO = ("left", "right")


def halves(n: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images that are bright on one side of a random column, and the masks that say so."""
    make = torch.Generator().manual_seed(0)
    truth = torch.arange(size)[None, None] >= torch.randint(size // 4, 3 * size // 4, (n, 1, 1), generator=make)
    truth = truth.expand(n, size, size)
    noise = 0.3 * torch.randn(n, 3, size, size, generator=make)
    return truth[:, None] * 2.0 - 1 + noise, truth.to(torch.uint8)


def test_it_learns_which_pixels_are_which() -> None:
    target = MaskTarget(TWO)
    network, task, (images, truth) = network_for(load_backbone("toy"), target), task_of(target), halves(8, 32)
    assert isinstance(network.head, DecoderHead)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    network.train()
    for _ in range(25):
        optimiser.zero_grad()
        torch.autograd.backward(task.loss(network(images), truth))
        optimiser.step()
    with torch.no_grad():
        assert task.metrics(network.eval()(images), truth)["miou"] > 0.9


def test_from_every_cut_the_answer_is_the_same() -> None:
    network, (images, _) = network_for(load_backbone("toy"), MaskTarget(TWO)).eval(), halves(2, 32)
    chain = network.facts.chain
    with torch.no_grad():
        whole = network(images)
        for cut in range(len(chain.cuts)):
            torch.testing.assert_close(network.forward_from(cut, chain.prefix(cut)(images)), whole)


def test_a_suited_backbone_reads_whole_images_and_is_suited_again_as_it_is() -> None:
    backbone = suited(load_backbone("toy"), MaskTarget(TWO))
    assert backbone.preprocess.resize == "pad"
    assert backbone.maps is not None
    assert backbone.maps.strides == (2, 4)
    assert suited(backbone, MaskTarget(TWO)) is backbone


def test_a_backbone_without_the_maps_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(BackboneError, match=r"stride 8 or 16 or 32[\s\S]*1, 2, 4"):
        network_for(load_backbone("toy"), MaskTarget(TWO, head="fpn"))


@pytest.mark.parametrize(("head", "model"), [("unet", "Unet"), ("fpn", "FPN"), ("deeplabv3plus", "DeepLabV3Plus")])
def test_with_the_suppliers_weights_the_whole_network_answers_as_its(head: str, model: str) -> None:
    torch.manual_seed(0)
    dilation = {"encoder_output_stride": 16} if model == "DeepLabV3Plus" else {}
    own = getattr(smp, model)("tu-resnet18", encoder_weights=None, classes=2, **dilation).eval()
    for part in own.modules():
        if isinstance(part, nn.BatchNorm2d):  # else activations grow, and with them what is rounded
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    network = network_for(load_backbone("timm:resnet18?pretrained=false&size=64"), MaskTarget(TWO, head=head)).eval()
    prefix = "encoder.model."
    state = {
        f"backbone.{key.removeprefix(prefix)}" if key.startswith(prefix) else f"head.{key}": value
        for key, value in own.state_dict().items()
    }
    network.load_state_dict(state)
    images = torch.rand(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(network(images), own(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "strides"),
    [("lite0", (2, 4, 8, 16, 32)), ("timm:convnext_atto?pretrained=false&size=64", (4, 8, 16, 32))],
)
def test_a_unet_takes_the_maps_that_there_are(name: str, strides: tuple[int, ...]) -> None:
    network = network_for(load_backbone(name), MaskTarget(TWO, head="unet?channels=16,16,8,8,8")).eval()
    assert network.facts.maps is not None
    assert network.facts.maps.strides == strides
    size = network.facts.spec.size
    with torch.no_grad():
        assert network(torch.rand(1, 3, size, size)).shape == (1, 2, size, size)
