"""Faster R-CNN (Ren et al. 2015) and Mask R-CNN (He et al. 2017) on a feature pyramid, those of torchvision: proposals
first, then what each shows.

Their defaults here are slim: a fortieth of the work of the published sizes (`channels=256&width=1024&sampled=512&
proposals=1000`), with which a CPU makes two steps of eight images of 320 pixels in the time of a hundred. On 120
generated scenes and the stored maps of `lite0` a minute of one core brings an AP of 0.68 so, and 0.00 in those sizes
(benchmarks/results/rcnn.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from warmstart.model.detect.base import OUTLINE, Found, Truth
from warmstart.model.detect.pyramids import OnPyramid, StandIn, findings, images, share, targets
from warmstart.model.maps import Maps

_LEVEL = 7
"""An object of seven times the side of the smallest anchor is looked for two maps above the finest: 224 pixels for
anchors of 32, as in the paper on pyramids."""


class FasterRCNN(OnPyramid):
    """Proposals from anchors, and for each of them a class and a box.

    Options:
        channels: of the feature pyramid; fewer are faster.
        anchor: side of the smallest anchor in pixels; 0 for 32, and in inputs below 800 pixels less in proportion.
        proposals: looked at for each image; twice as many in training before the worst are dropped.
        width: of the two layers that look at a proposal.
        sampled: proposals of each image that are learned from, a quarter of them objects where there are so many.
        score: lowest score that is told; 0.05 as with torchvision.
        nms: overlap from which on the lower of two boxes of a class is dropped.
        most: detections for each image.
    """

    strides = (4, 8, 16, 32)
    first = 1

    called = "fasterrcnn"

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        channels: int = 64,
        anchor: float = 0.0,
        proposals: int = 100,
        width: int = 256,
        sampled: int = 64,
        score: float = 0.05,
        nms: float = 0.5,
        most: int = 100,
    ) -> None:
        super().__init__(maps, classes, channels, LastLevelMaxPool())
        self.most = most
        levels, side = len(maps.strides), anchor or 32 * share(maps.size)
        model = detection.FasterRCNN(
            StandIn(channels),
            None,
            rpn_anchor_generator=AnchorGenerator(
                tuple((side * 2**level,) for level in range(levels + 1)), ((0.5, 1.0, 2.0),) * (levels + 1)
            ),
            rpn_pre_nms_top_n_train=2 * proposals,
            rpn_post_nms_top_n_train=2 * proposals,
            rpn_pre_nms_top_n_test=proposals,
            rpn_post_nms_top_n_test=proposals,
            box_roi_pool=_pool(levels, side, 7),
            box_head=TwoMLPHead(channels * 49, width),
            box_predictor=FastRCNNPredictor(width, classes + 1),
            box_score_thresh=score,
            box_nms_thresh=nms,
            box_batch_size_per_image=sampled,
            box_detections_per_img=most,
        )
        self.rpn, self.roi_heads = model.rpn, model.roi_heads

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        """See `Detector.learn`."""
        features, seen, told = self.pyramid(maps), images(maps[0], size), targets(truths, self.first)
        with self._told_to(learn=True):
            proposals, first = self.rpn(seen, features, told)
            _, second = self.roi_heads(features, proposals, seen.image_sizes, told)
        return {**second, **first}

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        """See `Detector.find`."""
        features, seen = self.pyramid(maps), images(maps[0], size)
        with self._told_to(learn=False):
            proposals, _ = self.rpn(seen, features)
            found, _ = self.roi_heads(features, proposals, seen.image_sizes)
        return findings(found, self.first)

    @contextlib.contextmanager
    def _told_to(self, *, learn: bool) -> Iterator[None]:
        """What torchvision's two parts give follows their own flags, which say here what layers in them do."""
        parts = (self.rpn, self.roi_heads)
        flags = [part.training for part in parts]
        for part in parts:
            part.training = learn
        try:
            yield
        finally:
            for part, flag in zip(parts, flags, strict=True):
                part.training = flag


class MaskRCNN(FasterRCNN):
    """Faster R-CNN that gives an outline for each box too: 28 x 28 probabilities, spread over the box.

    It learns from boxes that all have an outline.

    Options:
        channels, anchor, proposals, width, sampled, score, nms, most: see `FasterRCNN`.
        convs: 3x3 convolutions before the outlines; four as published.
    """

    called = "maskrcnn"
    outlined = True

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        channels: int = 64,
        anchor: float = 0.0,
        proposals: int = 100,
        width: int = 256,
        sampled: int = 64,
        convs: int = 2,
        score: float = 0.05,
        nms: float = 0.5,
        most: int = 100,
    ) -> None:
        boxes = {"channels": channels, "anchor": anchor, "proposals": proposals, "width": width, "sampled": sampled}
        super().__init__(maps, classes, **boxes, score=score, nms=nms, most=most)  # type: ignore[arg-type]
        heads = self.roi_heads
        heads.mask_roi_pool = _pool(len(maps.strides), anchor or 32 * share(maps.size), OUTLINE // 2)
        heads.mask_head = MaskRCNNHeads(channels, (channels,) * convs, 1)
        heads.mask_predictor = MaskRCNNPredictor(channels, channels, classes + 1)


def _pool(levels: int, side: float, places: int) -> MultiScaleRoIAlign:
    """Cuts proposals out of the maps of the pyramid, whose smallest anchor has this side."""
    names = [str(level) for level in range(levels)]
    return MultiScaleRoIAlign(names, places, 2, canonical_scale=max(1, round(_LEVEL * side)))
