"""SSD (Liu et al. 2016) and SSDlite (Sandler et al. 2018), those of torchvision: default boxes on maps of many sides.

The maps of the backbone are followed by coarser ones, each made of the one before, down to a single place. Boxes are
shares of the image's side, so they fit inputs of any size; how many maps there are is settled by `Maps.size`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import ssd as supplied
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssdlite import SSDLiteHead
from torchvision.ops import Conv2dNormActivation, box_iou

from warmstart.model.detect.base import Found, Truth
from warmstart.model.detect.published import Published
from warmstart.model.detect.pyramids import StandIn, decoded, findings, images, targets, thinning_of
from warmstart.model.maps import Maps


class _MultiBox(Published):
    """What both share: heads for each map, default boxes, and coarser maps in `extra`."""

    extra: nn.ModuleList
    first = 1

    def keep(self, model: supplied.SSD) -> None:
        self.classification_head = model.head.classification_head
        self.regression_head = model.head.regression_head
        object.__setattr__(self, "_model", [model])

    @property
    def model(self) -> supplied.SSD:
        """Kept for its methods; its parts are registered by name."""
        return self.__dict__["_model"][0]

    def features(self, maps: list[Tensor]) -> list[Tensor]:
        """All maps, the finest first."""
        found = list(maps)
        for block in self.extra:
            found.append(block(found[-1]))
        return found

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        """See `Detector.learn`."""
        model, told, features = self.model, targets(truths, self.first), self.features(maps)
        boxes = model.anchor_generator(images(maps[0], size), features)
        nothing = torch.full((len(boxes[0]),), -1, dtype=torch.int64, device=boxes[0].device)
        places = [
            model.proposal_matcher(box_iou(each["boxes"], here)) if len(each["boxes"]) else nothing
            for here, each in zip(boxes, told, strict=True)
        ]
        found: Mapping[str, Tensor] = model.compute_loss(told, model.head(features), boxes, places)
        return found

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        """See `Detector.find`."""
        model, seen, features = self.model, images(maps[0], size), self.features(maps)
        boxes = model.anchor_generator(seen, features)
        return findings(model.postprocess_detections(model.head(features), boxes, seen.image_sizes), self.first)

    def candidates(self, maps: list[Tensor], size: int) -> tuple[Tensor, Tensor]:
        """See `Detector.candidates`."""
        model, features = self.model, self.features(maps)
        outputs, first = model.head(features), [each[:1] for each in features]
        (anchors,) = model.anchor_generator(images(maps[0][:1], size), first)
        boxes = decoded(model, outputs["bbox_regression"], anchors, size)
        return boxes, outputs["cls_logits"].softmax(-1)[..., self.first :]

    @property
    def thinning(self) -> dict[str, Any]:
        """See `Detector.thinning`."""
        return thinning_of(self.model)


class SSD(_MultiBox):
    """SSD: plain convolutions; the finest map is brought to one length at every place, as that of VGG had to be.

    Options:
        strides: of the maps that are read; with `fc=true` 8,16 of VGG-16 are those of `ssd300_vgg16`.
        fc: whether VGG's two wide layers follow the last map, as dilated convolutions.
        scales: of the default boxes by map and one more, shares of the side; empty for 0.07, 0.15 to 0.87, 1.05, those
            of the paper for COCO.
        steps: pixels between default boxes by map; empty for what the sides of the maps say.
        score: lowest score that is told.
        nms: overlap from which on the lower of two boxes of a class is dropped.
        most: detections for each image.
    """

    called = "ssd"

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        strides: tuple[int, ...] = (8, 16, 32),
        fc: bool = False,
        scales: tuple[float, ...] = (),
        steps: tuple[int, ...] = (),
        score: float = 0.01,
        nms: float = 0.45,
        most: int = 100,
    ) -> None:
        super().__init__(maps, classes)
        self.most = most
        self.scale_weight = nn.Parameter(torch.ones(maps.channels[0]) * 20)
        self.fc = _wide(maps.channels[-1]) if fc else nn.Identity()
        channels = [*maps.channels[:-1], 1024 if fc else maps.channels[-1]]
        self.extra, side = nn.ModuleList(), maps.sides[-1]
        while side > 1:
            squeezed, width = (128, 256) if len(self.extra) else (256, 512)
            self.extra.append(_Coarser(channels[-1], squeezed, width, reduced=side > 5))
            channels.append(width)
            side = (side + 1) // 2 if side > 5 else max(1, side - 2)
        _drawn(self, nn.init.xavier_uniform_)
        count = len(channels)
        ratios = [[2] if level in (0, count - 2, count - 1) else [2, 3] for level in range(count)]
        boxes = DefaultBoxGenerator(ratios, scales=list(scales) or usual_scales(count), steps=list(steps) or None)
        head = supplied.SSDHead(channels, boxes.num_anchors_per_location(), classes + 1)
        self.keep(_model(channels, boxes, maps.size, classes, head, score, nms, most, candidates=400))

    def features(self, maps: list[Tensor]) -> list[Tensor]:
        """All maps, the finest first."""
        first = self.scale_weight.view(1, -1, 1, 1) * functional.normalize(maps[0])
        found = super().features([*maps[:-1], self.fc(maps[-1])])
        return [first, *found[1:]]


class SSDLite(_MultiBox):
    """SSDlite: depthwise convolutions with batch normalisation, for small networks.

    Options:
        scales: of the default boxes by map and one more, shares of the side; empty for 0.2 to 0.95 and 1.
        score, nms, most: as for SSD.
    """

    strides = (16, 32)

    called = "ssdlite"

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        scales: tuple[float, ...] = (),
        score: float = 0.01,
        nms: float = 0.55,
        most: int = 100,
    ) -> None:
        super().__init__(maps, classes)
        self.most = most
        channels, side, self.extra = list(maps.channels), maps.sides[-1], nn.ModuleList()
        widths = iter((512, 256, 256))
        while side > 1:
            width, side = next(widths, 128), (side + 1) // 2
            self.extra.append(_extra_block(channels[-1], width, _NORM))
            channels.append(width)
        _drawn(self.extra, functools.partial(nn.init.normal_, std=0.03))
        boxes = DefaultBoxGenerator(
            [[2, 3] for _ in channels], min_ratio=0.2, max_ratio=0.95, scales=list(scales) or None
        )
        head = SSDLiteHead(channels, boxes.num_anchors_per_location(), classes + 1, _NORM)
        self.keep(_model(channels, boxes, maps.size, classes, head, score, nms, most, candidates=300))


_NORM = functools.partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)


class _Coarser(nn.Sequential):
    """A map of half the side, or without a place at each edge, in the two convolutions of SSD."""

    def __init__(self, channels: int, squeezed: int, width: int, *, reduced: bool) -> None:
        stride, padding = (2, 1) if reduced else (1, 0)
        narrow, wide = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, width, 3, stride, padding)
        super().__init__(narrow, nn.ReLU(), wide, nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Maps; one of fewer than three places a side, which an input smaller than planned gives, is padded."""
        short = max(0, 3 - min(x.shape[2:]))
        x = functional.pad(x, (0, short, 0, short)) if short else x
        for layer in self:
            x = layer(x)
        return x


def usual_scales(maps: int) -> list[float]:
    """Scales of default boxes by map, and one more, as the paper has them for COCO (section 3.4).

    >>> [round(scale, 2) for scale in usual_scales(6)]
    [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05]
    """
    step = 0.72 / max(1, maps - 2)
    return [0.07, *(0.15 + step * level for level in range(maps))]


def _wide(channels: int) -> nn.Sequential:
    """VGG's fc6 and fc7 as convolutions, with the pooling before them that keeps the side."""
    return nn.Sequential(
        nn.MaxPool2d(3, stride=1, padding=1),
        nn.Conv2d(channels, 1024, 3, padding=6, dilation=6),
        nn.ReLU(),
        nn.Conv2d(1024, 1024, 1),
        nn.ReLU(),
    )


def _extra_block(channels: int, width: int, norm: Callable[..., nn.Module]) -> nn.Sequential:
    """A map of half the side in three convolutions, the middle one depthwise."""
    middle, options = width // 2, {"norm_layer": norm, "activation_layer": nn.ReLU6}
    return nn.Sequential(
        Conv2dNormActivation(channels, middle, kernel_size=1, **options),
        Conv2dNormActivation(middle, middle, kernel_size=3, stride=2, groups=middle, **options),
        Conv2dNormActivation(middle, width, kernel_size=1, **options),
    )


def _drawn(module: nn.Module, weights: Callable[[Tensor], Tensor]) -> None:
    """Draw the convolutions as SSD does; biases start at zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            weights(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _model(
    channels: list[int],
    boxes: DefaultBoxGenerator,
    size: int,
    classes: int,
    head: nn.Module,
    score: float,
    nms: float,
    most: int,
    *,
    candidates: int,
) -> supplied.SSD:
    return supplied.SSD(
        StandIn(channels),
        boxes,
        (size, size),
        classes + 1,
        head=head,
        score_thresh=score,
        nms_thresh=nms,
        detections_per_img=most,
        topk_candidates=candidates,
    )
