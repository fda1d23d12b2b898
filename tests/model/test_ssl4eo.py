"""Checkpoints of SSL4EO-S12, in the layouts of its authors' files: exact features, and bands by name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.catalog import load_backbone
from warmstart.model.sentinel2 import SENTINEL2


def resnet(channels: int = 13, seed: int = 0) -> nn.Module:
    """The network of the authors: torchvision's, with a first convolution of 13 channels."""
    torch.manual_seed(seed)
    module: nn.Module = torchvision.models.resnet18()
    module.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    module.fc = nn.Identity()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(part.running_var, 0.5, 2)  # type: ignore[arg-type]
    return module.eval()


def moco(module: nn.Module) -> dict[str, Any]:
    key = {f"module.encoder_k.{name}": torch.zeros_like(tensor) for name, tensor in module.state_dict().items()}
    query = {f"module.encoder_q.{name}": tensor for name, tensor in module.state_dict().items()}
    return {"epoch": 99, "state_dict": {**key, **query, "module.queue": torch.zeros(8, 4)}, "optimizer": {}}


def dino(module: nn.Module) -> dict[str, Any]:
    state = {f"module.backbone.{name}": tensor for name, tensor in module.state_dict().items()}
    wrong = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    return {"student": wrong, "teacher": state, "args": argparse.Namespace(arch="resnet50")}


@pytest.mark.parametrize("layout", [moco, dino, lambda module: module.state_dict()], ids=["moco", "dino", "backbone"])
@torch.no_grad()
def test_an_ssl4eo_checkpoint_gives_the_features_of_the_authors_network(tmp_path: Path, layout: Any) -> None:
    module = resnet()
    torch.save(layout(module), tmp_path / "b13.pth")
    backbone = load_backbone(f"ssl4eo:resnet18-moco@{tmp_path / 'b13.pth'}")
    x = torch.rand(2, 13, 64, 64)
    assert torch.allclose(backbone.chain(x), module(x), atol=1e-4)
    assert (backbone.preprocess.bands, backbone.preprocess.scale) == (SENTINEL2, 10_000)
    assert backbone.card.licence == "CC-BY-4.0"


def test_an_ssl4eo_file_of_three_channels_is_refused_by_the_name_of_its_first_layer(tmp_path: Path) -> None:
    torch.save(moco(resnet(3)), tmp_path / "rgb.pth")
    with pytest.raises(BackboneError, match=r"'conv1.weight' has shape \(64, 3, 7, 7\)"):
        load_backbone(f"ssl4eo:resnet18-moco@{tmp_path / 'rgb.pth'}")


@torch.no_grad()
def test_four_of_thirteen_bands_are_taken_by_name(tmp_path: Path) -> None:
    module = resnet()
    torch.save(moco(module), tmp_path / "b13.pth")
    four = load_backbone(f"ssl4eo:resnet18-moco@{tmp_path / 'b13.pth'}?bands=B4,B3,B2,B8A")
    assert isinstance(module.conv1, nn.Conv2d)
    expected = module.conv1.weight[:, [3, 2, 1, 8]] * 13 / 4
    assert torch.allclose(four.module.get_parameter("conv1.weight"), expected)
    assert (four.preprocess.bands, four.preprocess.scale) == (("B4", "B3", "B2", "B8A"), 10_000)
