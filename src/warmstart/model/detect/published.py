"""Weights of whole detectors of torchvision in ours: what tells classes apart by the names of these, and all else."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from warmstart.model.backbone import Backbone
from warmstart.model.detect.base import Detector

_log = logging.getLogger(__name__)
_SSD300 = {
    "fc": True,
    "strides": (8, 16),
    "scales": (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05),
    "steps": (8, 16, 32, 64, 100, 300),
}
_RCNN = {"channels": 256, "anchor": 32.0, "proposals": 1000, "width": 1024, "sampled": 512}
WHOLE: dict[str, tuple[str, dict[str, Any]]] = {
    "fasterrcnn_resnet50_fpn": ("fasterrcnn", _RCNN),
    "maskrcnn_resnet50_fpn": ("maskrcnn", {**_RCNN, "convs": 4}),
    "retinanet_resnet50_fpn": ("retinanet", {"anchor": 32.0}),
    "fcos_resnet50_fpn": ("fcos", {}),
    "ssd300_vgg16": ("ssd", _SSD300),
    "ssdlite320_mobilenet_v3_large": ("ssdlite", {}),
}
"""Detectors of torchvision, what they are called here, and the options that they were trained with."""

_NAMES = {
    r"(rpn|roi_heads)\.": r"\1.",
    r"backbone\.fpn\.": "fpn.",
    r"head\.(classification|regression)_head\.": r"\1_head.",
    r"backbone\.scale_weight$": "scale_weight",
    r"backbone\.extra\.0\.\d+\.(\d+)\.": r"fc.\1.",  # SSD on VGG: conv5 and then fc6 and fc7
}
"""Starts of torchvision's names, and ours for them."""
_EXTRA = re.compile(r"backbone\.extra\.(\d+)\.(?=\d+\.)")
_PREDICTORS = {
    r"roi_heads\.box_predictor\.cls_score\.": 1,
    r"roi_heads\.box_predictor\.bbox_pred\.": 4,
    r"roi_heads\.mask_predictor\.mask_fcn_logits\.": 1,
    r"classification_head\.(cls_logits|module_list\.\d+(\.1)?)\.(weight|bias)$": 1,
}
"""Layers with outputs for each class, and how many. Where there are several anchors, they lie anchor by anchor."""


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a detector of torchvision that lie above its body, by our names."""
    on_vgg = "backbone.scale_weight" in state

    def names(key: str) -> Iterator[str]:
        for start, ours in _NAMES.items():
            if re.match(start, key) and (on_vgg or not ours.startswith("fc")):
                yield re.sub(start, ours, key, count=1)
        extra = _EXTRA.match(key)
        if extra and not (on_vgg and extra[1] == "0"):
            yield f"extra.{int(extra[1]) - on_vgg}.{key[extra.end() :]}"

    return {name: value for key, value in state.items() for name in names(key)}


class Published(Detector):
    """A detector that torchvision has published weights of."""

    called: ClassVar[str]
    """What it is called in `WHOLE`."""

    @classmethod
    def meant(cls, backbone: Backbone) -> dict[str, Any]:
        """See `Detector.meant`: the options under which torchvision trained it on this backbone."""
        kind, options = WHOLE.get(backbone.card.architecture, ("", {}))
        return dict(options) if kind == cls.called else {}

    def adopt(self, weights: Mapping[str, Tensor], pairs: Mapping[int, int]) -> None:
        """See `Detector.adopt`; the weights are those of torchvision's detector."""
        take(self, weights, pairs)


@torch.no_grad()
def take(detector: Detector, weights: Mapping[str, Tensor], pairs: Mapping[int, int]) -> None:
    """Put weights of a whole detector of torchvision in place of random ones; see `Detector.adopt`."""
    ours, taken, first = detector.state_dict(), 0, detector.first
    numbers = {new + first: old for new, old in pairs.items()} | ({0: 0} if first and pairs else {})
    for name, value in renamed(weights).items():
        own = ours.get(name)
        if own is None or own.shape[1:] != value.shape[1:]:
            continue
        many = next((many for start, many in _PREDICTORS.items() if re.match(start, name)), 0)
        if many:
            _of_classes(own, value, many, detector.classes + first, numbers)
            taken += bool(pairs)
        elif own.shape == value.shape:
            own.copy_(value)
            taken += 1
    _log.info("%d of %d tensors of the head came with the backbone", taken, len(ours))


def _of_classes(own: Tensor, there: Tensor, many: int, count: int, numbers: Mapping[int, int]) -> None:
    """Copy outputs of some classes; `numbers` are those of classes here, and there."""
    anchors = len(own) // (count * many)
    if len(there) % (anchors * many):
        return
    new, old = own.view(anchors, count, many, *own.shape[1:]), there.view(anchors, -1, many, *there.shape[1:])
    for here, before in numbers.items():
        new[:, here] = old[:, before]
