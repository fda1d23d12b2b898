"""Models of torchvision with small bodies, whole, and the maps and weights that our detectors are compared on."""

from __future__ import annotations

import dataclasses
import itertools
from collections import OrderedDict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import detection, mobilenet_v3_small
from torchvision.models.detection import ssd, ssdlite
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.vgg import make_layers
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from warmstart.model.maps import Maps

CLASSES = 3
RCNN = "anchor=32&channels=32&proposals=100&width=1024&sampled=512"
"""Torchvision's own sizes, but for the channels of a small body."""


@dataclasses.dataclass(frozen=True)
class Supplied:
    """A model of torchvision, and what of it is ours.

    `maps` gives the maps of images, `head` the name of the same detector here, `first` the number of the first class.
    """

    model: Any
    maps: Callable[[Tensor], list[Tensor]]
    head: str
    strides: tuple[int, ...]
    size: int
    first: int

    def facts(self) -> Maps:
        """Of the maps, found by trying."""
        with torch.no_grad():
            found = self.maps(torch.zeros(1, 3, self.size, self.size, dtype=next(self.model.parameters()).dtype))
        channels, sides = tuple(m.shape[1] for m in found), tuple(m.shape[2] for m in found)
        return Maps(tuple(map(str, self.strides)), channels, self.strides, sides, self.size)


def plain(size: int) -> dict[str, Any]:
    """Options under which a model takes square images as they are."""
    return {"min_size": size, "max_size": size, "image_mean": [0.0] * 3, "image_std": [1.0] * 3}


class Small(nn.Module):
    """A backbone as torchvision's detectors have them: a body, here one convolution for each map, and a pyramid."""

    def __init__(self, further: nn.Module, finest: int, out_channels: int = 32) -> None:
        super().__init__()
        self.out_channels = out_channels
        widths = [8 * (k + 1) for k in range(7 - finest.bit_length())]
        layers = [nn.Conv2d(3, 8, 3, finest, 1)]
        layers += [nn.Conv2d(few, many, 3, 2, 1) for few, many in itertools.pairwise(widths)]
        self.body = nn.ModuleList(nn.Sequential(layer, nn.ReLU()) for layer in layers)
        self.fpn = FeaturePyramidNetwork(widths, self.out_channels, extra_blocks=further)

    def maps(self, x: Tensor) -> list[Tensor]:
        found = []
        for block in self.body:
            x = block(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = self.fpn(OrderedDict(enumerate_names(self.maps(x))))
        return found


def enumerate_names(maps: list[Tensor]) -> list[tuple[str, Tensor]]:
    return [(str(i), each) for i, each in enumerate(maps)]


def fasterrcnn(size: int = 128) -> Supplied:
    backbone = Small(LastLevelMaxPool(), 4)
    model = detection.FasterRCNN(
        backbone, CLASSES + 1, rpn_post_nms_top_n_train=200, rpn_post_nms_top_n_test=100, **plain(size)
    )
    model.rpn._pre_nms_top_n = {"training": 200, "testing": 100}
    return Supplied(model, backbone.maps, f"fasterrcnn?{RCNN}", (4, 8, 16, 32), size, 1)


def maskrcnn(size: int = 128) -> Supplied:
    backbone = Small(LastLevelMaxPool(), 4)
    model = detection.MaskRCNN(
        backbone,
        CLASSES + 1,
        mask_head=MaskRCNNHeads(32, (32,) * 4, 1),
        rpn_post_nms_top_n_train=200,
        rpn_post_nms_top_n_test=100,
        **plain(size),
    )
    model.roi_heads.mask_predictor = MaskRCNNPredictor(32, 32, CLASSES + 1)
    model.rpn._pre_nms_top_n = {"training": 200, "testing": 100}
    return Supplied(model, backbone.maps, f"maskrcnn?{RCNN}&convs=4", (4, 8, 16, 32), size, 1)


def _dense(kind: Any, size: int, head: str, channels: int = 32) -> Supplied:
    backbone = Small(LastLevelP6P7(channels, channels), 8, channels)
    model = kind(backbone, CLASSES, detections_per_img=100, score_thresh=0.05, **plain(size))
    return Supplied(model, backbone.maps, head, (8, 16, 32), size, 0)


def fcos(size: int = 128) -> Supplied:
    return _dense(detection.FCOS, size, "fcos?channels=64", 64)  # of 32, groups of its head would be of one channel


def retinanet(size: int = 128) -> Supplied:
    return _dense(detection.RetinaNet, size, "retinanet?anchor=32&channels=32")


def ssd300(size: int = 300) -> Supplied:
    """With a body that is built like VGG-16 and thinner below."""
    layers = make_layers([4, "M", 8, "M", 16, "M", 512, "M", 512, "M"])
    backbone = ssd._vgg_extractor(SimpleNamespace(features=layers), False, 5)
    scales, steps = [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05], [8, 16, 32, 64, 100, 300]
    boxes = DefaultBoxGenerator([[2], [2, 3], [2, 3], [2, 3], [2], [2]], scales=scales, steps=steps)
    options = {"image_mean": [0.0] * 3, "image_std": [1.0] * 3, "detections_per_img": 100}
    model = ssd.SSD(backbone, boxes, (size, size), CLASSES + 1, **options)

    def maps(x: Tensor) -> list[Tensor]:
        fine = backbone.features(x)
        return [fine, backbone.extra[0][:-1](fine)]

    return Supplied(model, maps, f"ssd?fc=true&strides=8,16&steps={','.join(map(str, steps))}", (8, 16), size, 1)


def ssdlite320(size: int = 320) -> Supplied:
    backbone = ssdlite._mobilenet_extractor(mobilenet_v3_small(weights=None), 6, nn.BatchNorm2d)
    norm = ssdlite.partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
    backbone.extra = ssdlite.SSDLiteFeatureExtractorMobileNet(mobilenet_v3_small(weights=None).features, 9, norm).extra
    boxes = DefaultBoxGenerator([[2, 3] for _ in range(6)], min_ratio=0.2, max_ratio=0.95)
    channels = [m.shape[1] for m in backbone(torch.zeros(2, 3, size, size)).values()]
    head = ssdlite.SSDLiteHead(channels, boxes.num_anchors_per_location(), CLASSES + 1, norm)
    options = {"image_mean": [0.0] * 3, "image_std": [1.0] * 3, "detections_per_img": 100, "nms_thresh": 0.55}
    model = ssd.SSD(backbone, boxes, (size, size), CLASSES + 1, head=head, topk_candidates=300, **options)

    def maps(x: Tensor) -> list[Tensor]:
        fine = backbone.features[0](x)
        return [fine, backbone.features[1](fine)]

    return Supplied(model, maps, "ssdlite", (16, 32), size, 1)
