"""What detectors of torchvision share: a feature pyramid on the maps, and their words for images, truths and findings.

Their classes are used as they are, for heads, anchors, matching, losses and what is done with the findings. They are
built around a stand-in for a backbone, and given maps where they would compute them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FeaturePyramidNetwork

from warmstart.model.detect.base import Found, Truth
from warmstart.model.detect.published import Published
from warmstart.model.maps import Maps

USUAL = 800
"""Pixels of the shorter side of the images that torchvision's sizes of anchors are for."""


class StandIn(nn.Module):
    """Says how many channels a backbone's maps have, which is all that torchvision asks of one when it builds."""

    def __init__(self, out_channels: int | list[int]) -> None:
        super().__init__()
        self.out_channels = out_channels


def images(like: Tensor, size: int) -> ImageList:
    """Images (n, 1, size, size) that take no memory: only their number and size are read."""
    n = len(like)
    return ImageList(like.new_empty(1).expand(n, 1, size, size), [(size, size)] * n)


def targets(truths: Sequence[Truth], first: int) -> list[dict[str, Tensor]]:
    """Truths as torchvision has them, the first class of number `first`."""
    return [
        {"boxes": each.boxes, "labels": each.classes + first} | ({} if each.masks is None else {"masks": each.masks})
        for each in truths
    ]


def findings(found: Sequence[Mapping[str, Tensor]], first: int) -> list[Found]:
    """Detections of torchvision, whose first class is of number `first`."""
    return [
        Found(each["boxes"], each["scores"], each["labels"] - first, each["masks"][:, 0] if "masks" in each else None)
        for each in found
    ]


def thinning_of(model: Any) -> dict[str, Any]:
    """See `Detector.thinning`; of a model of torchvision."""
    return {
        "overlap": model.nms_thresh,
        "score": model.score_thresh,
        "most": model.detections_per_img,
        "classes": "several",
    }


def decoded(model: Any, codes: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Boxes (n, P, 4) of what a model of torchvision says (n, P, 4) of its anchors (P, 4), cut off at the edges."""
    every = boxes.expand(codes.shape[0], -1, -1).flatten(0, 1)
    found: Tensor = model.box_coder.decode_single(codes.flatten(0, 1), every)
    return found.view(codes.shape).clamp(0, size)


def share(size: int) -> float:
    """How small objects are in images of `size` pixels, against those that torchvision's anchors are for.

    >>> share(1024), share(400)
    (1.0, 0.5)
    """
    return min(1.0, size / USUAL)


class OnPyramid(Published):
    """A detector on a feature pyramid (Lin et al. 2017) of the maps, and on coarser maps that go on from there.

    Args:
        maps: see `Detector`.
        classes: see `Detector`.
        channels: of the pyramid.
        further: makes coarser maps of those.
    """

    def __init__(self, maps: Maps, classes: int, channels: int, further: nn.Module) -> None:
        super().__init__(maps, classes)
        self.fpn = FeaturePyramidNetwork(list(maps.channels), channels, extra_blocks=further)

    def pyramid(self, maps: list[Tensor]) -> OrderedDict[str, Tensor]:
        """The maps of the pyramid, the finest first."""
        found: OrderedDict[str, Tensor] = self.fpn(OrderedDict((str(i), each) for i, each in enumerate(maps)))
        return found

    def beside(self, model: nn.Module) -> None:
        """Keep a model of torchvision for its methods without making it a part: its parts are registered by name."""
        object.__setattr__(self, "_model", [model])

    @property
    def model(self) -> Any:
        """What `beside` kept."""
        return self.__dict__["_model"][0]
