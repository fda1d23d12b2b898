"""Detectors that answer at every place of every map at once: FCOS and RetinaNet, those of torchvision."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from warmstart.errors import RecipeError
from warmstart.model.detect.base import Found, Truth
from warmstart.model.detect.pyramids import OnPyramid, StandIn, decoded, findings, images, share, targets, thinning_of
from warmstart.model.maps import Maps

_USUAL = 256
"""Channels that the weights of RetinaNet's head are drawn for, with a standard deviation of 0.01."""
_GROUPS, _GROUP = 32, 8
"""Groups of channels that FCOS's head normalises together, and the channels of one where there are but 32."""


class _Dense(OnPyramid):
    """What both share: a classification and a regression head over maps of strides 8 to 128."""

    def keep(self, model: detection.FCOS | detection.RetinaNet) -> None:
        self.classification_head = model.head.classification_head
        self.regression_head = model.head.regression_head
        self.beside(model)

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        """See `Detector.learn`."""
        features = list(self.pyramid(maps).values())
        anchors = self.model.anchor_generator(images(maps[0], size), features)
        found: Mapping[str, Tensor] = self._terms(
            self.model.head(features), anchors, features, targets(truths, self.first)
        )
        return found

    def _terms(
        self, outputs: dict[str, Tensor], anchors: list[Tensor], features: list[Tensor], truths: list[dict[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        raise NotImplementedError

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        """See `Detector.find`."""
        model, seen = self.model, images(maps[0], size)
        features = list(self.pyramid(maps).values())
        outputs = model.head(features)
        anchors = model.anchor_generator(seen, features)
        each = len(anchors[0]) // sum(f.shape[2] * f.shape[3] for f in features)
        many = [f.shape[2] * f.shape[3] * each for f in features]
        split = {key: list(value.split(many, dim=1)) for key, value in outputs.items()}
        found = model.postprocess_detections(split, [list(a.split(many)) for a in anchors], seen.image_sizes)
        return findings(found, self.first)

    def candidates(self, maps: list[Tensor], size: int) -> tuple[Tensor, Tensor]:
        """See `Detector.candidates`."""
        features = list(self.pyramid(maps).values())
        outputs = self.model.head(features)
        first = [each[:1] for each in features]  # anchors are the same for every image
        (anchors,) = self.model.anchor_generator(images(first[0], size), first)
        return self._boxes(outputs["bbox_regression"], anchors, size), self._scores(outputs)

    def _boxes(self, codes: Tensor, anchors: Tensor, size: int) -> Tensor:
        return decoded(self.model, codes, anchors, size)

    def _scores(self, outputs: Mapping[str, Tensor]) -> Tensor:
        return outputs["cls_logits"].sigmoid()

    @property
    def thinning(self) -> dict[str, Any]:
        """See `Detector.thinning`."""
        return thinning_of(self.model)


class FCOS(_Dense):
    """FCOS (Tian et al. 2019, 2022): every place inside a box tells how far away its edges are; no anchors.

    Options:
        channels: of the feature pyramid, a multiple of 32; fewer are faster.
        convs: 3x3 convolutions before the answers.
        score: lowest score that is told; 0.05 keeps what average precision can use.
        nms: overlap from which on the lower of two boxes of a class is dropped.
        most: detections for each image.
        radius: from the middle of a box, in strides, within which places are of it.
    """

    called = "fcos"

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        channels: int = 256,
        convs: int = 4,
        score: float = 0.05,
        nms: float = 0.6,
        most: int = 100,
        radius: float = 1.5,
    ) -> None:
        if channels < 1 or channels % _GROUPS:
            raise RecipeError(f"fcos with channels={channels}", expected=f"a multiple of {_GROUPS}")
        super().__init__(maps, classes, channels, LastLevelP6P7(channels, channels))
        self.most = most
        head = FCOSHead(channels, 1, classes, num_convs=convs)
        _regroup(head, channels)
        self.keep(
            detection.FCOS(
                StandIn(channels),
                classes,
                head=head,
                center_sampling_radius=radius,
                score_thresh=score,
                nms_thresh=nms,
                detections_per_img=most,
            )
        )

    def _terms(
        self, outputs: dict[str, Tensor], anchors: list[Tensor], features: list[Tensor], truths: list[dict[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        places = [f.shape[2] * f.shape[3] for f in features]
        found: Mapping[str, Tensor] = self.model.compute_loss(truths, outputs, anchors, places)
        return found

    def _boxes(self, codes: Tensor, anchors: Tensor, size: int) -> Tensor:
        found: Tensor = self.model.box_coder.decode(codes, anchors)
        return found.clamp(0, size)

    def _scores(self, outputs: Mapping[str, Tensor]) -> Tensor:
        return (super()._scores(outputs) * outputs["bbox_ctrness"].sigmoid()).sqrt()


def _regroup(head: FCOSHead, channels: int) -> None:
    """Normalise in fewer groups than the published head has where each would have one channel: on a map of one pixel
    that is one value, of which nothing is left.
    """
    for layer in head.modules():
        if isinstance(layer, nn.GroupNorm) and channels == layer.num_groups:
            layer.num_groups = channels // _GROUP


class RetinaNet(_Dense):
    """RetinaNet (Lin et al. 2017): anchors of nine shapes at every place, and the focal loss.

    Options:
        channels: of the feature pyramid; fewer are faster.
        anchor: side of the smallest anchor in pixels; 0 for 32, and in inputs below 800 pixels less in proportion.
        score, nms, most: as for FCOS.
    """

    called = "retinanet"

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        channels: int = 256,
        anchor: float = 0.0,
        score: float = 0.05,
        nms: float = 0.5,
        most: int = 100,
    ) -> None:
        super().__init__(maps, classes, channels, LastLevelP6P7(channels, channels))
        self.most = most
        side = anchor or 32 * share(maps.size)
        sizes = tuple(tuple(int(side * 2 ** (level + part / 3)) for part in range(3)) for level in range(5))
        anchors = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)
        head = RetinaNetHead(channels, anchors.num_anchors_per_location()[0], classes)
        for layer in head.modules():
            if isinstance(layer, nn.Conv2d):  # without norms, 0.01 lets the signal of few channels fade
                layer.weight.data *= math.sqrt(_USUAL / channels)
        self.keep(
            detection.RetinaNet(
                StandIn(channels),
                classes,
                anchor_generator=anchors,
                head=head,
                score_thresh=score,
                nms_thresh=nms,
                detections_per_img=most,
            )
        )

    def _terms(
        self, outputs: dict[str, Tensor], anchors: list[Tensor], features: list[Tensor], truths: list[dict[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        found: Mapping[str, Tensor] = self.model.compute_loss(truths, outputs, anchors)
        return found
