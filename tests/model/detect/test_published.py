"""Whole detectors of torchvision in a file: network and detections are those of torchvision's own model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from warmstart.data.scenes import BoxTarget
from warmstart.errors import BackboneError
from warmstart.model.adapters.torchvision_whole import DETECTORS
from warmstart.model.catalog import load_backbone
from warmstart.model.detect.base import Detector
from warmstart.model.detect.catalog import strides, usual
from warmstart.model.detect.published import WHOLE
from warmstart.task.mask_matching import pasted
from warmstart.task.network import network_for

CASES = {
    "fcos_resnet50_fpn": (128, "head.classification_head.cls_logits.bias"),
    "ssdlite320_mobilenet_v3_large": (320, "head.classification_head.module_list.0.1.bias"),
    "maskrcnn_resnet50_fpn": (128, "roi_heads.mask_predictor.mask_fcn_logits.bias"),
}
"""The size at which they are tried, and a tensor with a row for each class; the others are tried in `test_supplied`."""


def saved(name: str, size: int, folder: Path) -> tuple[Any, Path]:
    """Torchvision's model with random weights that tell places apart, and a file with these."""
    torch.manual_seed(0)
    sizes = {} if "ssd" in name else {"min_size": size, "max_size": size}
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, **sizes)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # statistics of the next batch, so that activations neither vanish nor explode
    with torch.no_grad():
        for part, weight in model.named_parameters():
            if part.startswith("head") or "predictor" in part or "rpn.head" in part:
                weight += 0.05 * torch.randn_like(weight)
        model.backbone(torch.randn(2, 3, size, size))
        if "rcnn" in name:
            for module in model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eps = 0.0  # as torchvision has it for the weights that it published
            model.roi_heads.box_predictor.cls_score.bias[0] = -10
        if "fcos" in name:
            model.head.classification_head.cls_logits.bias[0] = -10  # nothing is background
    path = folder / f"{name}.pth"
    torch.save(model.state_dict(), path)
    return model.eval().double(), path  # in single precision places tie


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_whole_detector_comes_with_its_backbone(name: str, tmp_path: Path) -> None:
    size, of_classes = CASES[name]
    model, path = saved(name, size, tmp_path)
    names = torchvision.models.get_model_weights(name).DEFAULT.meta["categories"][1:]
    target = BoxTarget(tuple(f"{i}" if word == "N/A" else word for i, word in enumerate(names)))
    backbone = load_backbone(f"torchvision:{name}@{path}?size={size}")
    network = network_for(backbone, target).eval().double()
    head = network.head
    assert isinstance(head, Detector)
    assert head.name == usual(backbone)
    cat, there = target.classes.index("cat"), model.state_dict()[of_classes]
    assert torch.equal(head.state_dict()[of_classes.removeprefix("head.")][cat + head.first], there[cat + 1])
    head.adopt(model.state_dict(), {number: number + 1 for number in range(90)})  # those without a name, too
    spec, image = backbone.preprocess, torch.rand(1, 3, size, size).double()
    mean, std = (torch.tensor(each, dtype=torch.float64)[:, None, None] for each in (spec.mean, spec.std))
    normal = (image - mean) / std
    with torch.no_grad():
        theirs, ours = model(list(image))[0], network(normal)[0]
    n = int((ours[:, 0] >= 0).sum())
    assert n > 20
    torch.testing.assert_close(ours[:n, 1], theirs["scores"][:n].float(), atol=1e-4, rtol=0)
    torch.testing.assert_close(ours[:n, 2:6], theirs["boxes"][:n].float(), atol=1e-2, rtol=0)
    assert torch.equal(ours[:n, 0], theirs["labels"][:n].float() - 1)
    for row, mask in zip(ours[:n], theirs["masks"][:, 0] if head.outlined else (), strict=False):
        drawn = torch.from_numpy(pasted(row[6:].view(28, 28), row[2:6], (size, size)))
        sure = (mask - 0.5).abs() > 1e-4
        assert torch.equal(drawn[sure].bool(), (mask > 0.5)[sure])
    covered = [0.0, size * size] if head.outlined else []
    told = torch.tensor([[[1.0, 0, 0, size, size, size * size, *covered]]]).expand(2, 1, -1).double()
    assert network.train()(normal.repeat(2, 1, 1, 1), told).isfinite().all()  # its body, norms included, can be tuned


def test_every_detector_that_is_supplied_has_its_own_here() -> None:
    assert set(WHOLE) == set(DETECTORS)


def test_a_body_without_weights_is_a_backbone_and_has_the_maps_of_its_detector() -> None:
    backbone = load_backbone("torchvision:ssd300_vgg16?pretrained=false")
    assert usual(backbone) == "ssd"
    assert strides("", backbone) == (8, 16)
    assert strides("retinanet", backbone) == (8, 16, 32)
    assert backbone.source_weights is None


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(BackboneError):
        load_backbone(f"torchvision:fcos_resnet50_fpn@{tmp_path}/other.pth")
