"""Detectors by name, with options behind it: `fcos`, `ssd?channels=128`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warmstart.errors import RecipeError
from warmstart.model.adapters.base import seeded
from warmstart.model.backbone import Backbone
from warmstart.model.detect.base import Detector
from warmstart.model.maps import Maps
from warmstart.model.options import parse, read
from warmstart.model.shared_classes import shared
from warmstart.registry import Registry

DEFAULT = "fcos"
"""Has no anchors, whose sizes would have to fit the images, and one stage, which a CPU can train."""
_WHOLE = {
    "cspdarknet": "yolox",
    "gelan": "yolo9",
    "rfdetr": "rfdetr",
    "rt_detr": "rtdetr",
    "d_fine": "dfine",
    "fasterrcnn": "fasterrcnn",
    "maskrcnn": "maskrcnn",
    "retinanet": "retinanet",
    "ssd300": "ssd",
    "ssdlite": "ssdlite",
}
"""Starts of the architectures of backbones that come of a whole detector, and that detector."""

detectors: Registry[type[Detector]] = Registry("detector", RecipeError)
detectors.add("fcos", "warmstart.model.detect.dense:FCOS")
detectors.add("retinanet", "warmstart.model.detect.dense:RetinaNet")
detectors.add("fasterrcnn", "warmstart.model.detect.rcnn:FasterRCNN")
detectors.add("maskrcnn", "warmstart.model.detect.rcnn:MaskRCNN")
detectors.add("ssd", "warmstart.model.detect.ssd:SSD")
detectors.add("ssdlite", "warmstart.model.detect.ssd:SSDLite")
detectors.add("yolox", "warmstart.model.detect.yolo:YoloX")
detectors.add("yolo9", "warmstart.model.detect.yolo9:Yolo9")
detectors.add("rtdetr", "warmstart.model.detect.rtdetr:RTDetr")
detectors.add("dfine", "warmstart.model.detect.rtdetr:DFine")
detectors.add("rfdetr", "warmstart.model.detect.rfdetr:RFDetr")


def detector(head: str, maps: Maps, classes: int, *, seed: int = 0) -> Detector:
    """A new detector on `maps`, its weights drawn from `seed`.

    Args:
        head: name and options; empty for the default.
        maps: what a backbone gives.
        classes: how many there are.
        seed: of the weights.

    Raises:
        RecipeError: there is no such detector or option.
    """
    name, options = parse(head or DEFAULT)
    with seeded(seed):
        return build(name, options, maps, classes)


def detector_on(backbone: Backbone, head: str, classes: Sequence[str], *, seed: int = 0) -> Detector:
    """A new detector on the maps of a backbone, with the weights of a whole one where they came with the backbone's.

    Args:
        backbone: one that gives maps.
        head: name and options; empty for the detector that the backbone is of, or the default.
        classes: what they are called.
        seed: of what is new.

    Raises:
        RecipeError: there is no such detector or option.
    """
    assert backbone.maps is not None, "a suited backbone gives maps"
    name, options = parse(head or usual(backbone))
    with seeded(seed):
        made = build(name, {**detectors[name].meant(backbone), **options}, backbone.maps, len(classes))
    if backbone.source_weights is not None:
        made.adopt(backbone.source_weights(), shared(classes, backbone.source_classes))
    return made


def usual(backbone: Backbone) -> str:
    """The detector that a backbone is of, or else the default one."""
    architecture = backbone.card.architecture
    return next((name for start, name in _WHOLE.items() if architecture.startswith(start)), DEFAULT)


def strides(head: str, backbone: Backbone | None = None) -> tuple[int, ...]:
    """Of the maps that a detector reads, on this backbone.

    >>> strides("fasterrcnn")
    (4, 8, 16, 32)
    """
    name, given = parse(head or (usual(backbone) if backbone is not None else DEFAULT))
    kind = detectors[name]
    meant = kind.meant(backbone) if backbone is not None else {}
    found: tuple[int, ...] = read(name, kind, {**meant, **given}).get("strides", kind.strides)
    return found


def build(name: str, options: dict[str, Any], maps: Maps | dict[str, Any], classes: int) -> Detector:
    """The detector that a `config` describes; its weights are drawn from torch's generator."""
    kind = detectors[name]
    chosen = read(name, kind, options)
    made = kind(maps if isinstance(maps, Maps) else Maps.from_dict(maps), classes, **chosen)
    made.name, made.options = name, chosen
    return made
