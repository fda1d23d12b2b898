"""YOLOX (Ge et al. 2021) on the maps of any backbone; neck, head, assignment and losses are LibreYOLO's. What it has in
common with the other YOLO is `Yolo`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from warmstart.errors import RecipeError
from warmstart.model.detect import libreyolo
from warmstart.model.detect.base import Detector, Found, Truth
from warmstart.model.detect.inherited import inherit
from warmstart.model.detect.necks import aligned
from warmstart.model.maps import Maps

_CHANNELS = (256, 512, 1024)
_INPUTS = ("dark3", "dark4", "dark5")
PRIOR = 0.01
"""That a place is of an object, when training starts."""
_MOST_COMPARED = 1000
_MOMENTUM = 0.1


class Yolo(Detector):
    """Maps through `fitting` and `neck` to a box and scores of every place, and then one box of those that overlap.

    Batch normalisation moves its statistics by a tenth at a time. As published it is 0.03, with which a head that makes
    some dozens of steps is evaluated with statistics of its first ones (benchmarks/results/yolo.md).
    """

    rate = 1e-2
    fitting: nn.ModuleList
    neck: Any
    predictor: Any
    score: float
    nms: float
    told: ClassVar[str]
    """See `Detector.thinning`."""

    @property
    def thinning(self) -> dict[str, Any]:
        """See `Detector.thinning`."""
        return {"overlap": self.nms, "score": self.score, "most": self.most, "classes": self.told}

    def settle(self) -> None:
        """Give batch normalisation its constants; to be called when all parts are there."""
        libreyolo.normalised_as_published(self, _MOMENTUM)

    def features(self, maps: Sequence[Tensor]) -> Any:
        """What the neck makes of maps, each of twice as many places along an edge as the next."""
        return self.neck([fit(each) for fit, each in zip(self.fitting, aligned(maps), strict=True)])

    def thinned(self, boxes: Tensor, scores: Tensor, classes: Tensor, size: int) -> Found:
        """Boxes (p, 4), scores (p,) and classes (p,) to `most` detections, those behind the last of class -1.

        Every shape follows from the shapes of what is given, so that this can be exported.
        """
        near = min(_MOST_COMPARED, len(boxes))
        scores, order = scores.topk(near)
        boxes, classes = boxes[order].nan_to_num(), classes[order]
        there = (scores > self.score) & ((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)
        boxes, scores = boxes * there.unsqueeze(1), scores * there
        classes = torch.where(there, classes, -1)
        apart = boxes + (classes * (size + 1)).unsqueeze(1)  # boxes of unlike classes never overlap
        kept = torchvision.ops.nms(apart, scores, self.nms)
        kept = torch.cat([kept, kept.new_full((self.most,), near)])[: self.most]
        behind = boxes.new_zeros(1)
        return Found(
            torch.cat([boxes, behind.expand(1, 4)])[kept],
            torch.cat([scores, behind])[kept],
            torch.cat([classes, classes.new_full((1,), -1)])[kept],
        )


class YoloX(Yolo):
    """Maps through a PAFPN (`neck`) to a decoupled head (`predictor`): a box, an objectness and classes of every place.

    Maps that are not of the widths that the neck reads are brought to them by a convolution of 1x1 each (`fitting`).
    Those of CSPDarknet, YOLOX's own backbone, need none, so that weights of a whole YOLOX fit.

    Options:
        size: `n`, `t`, `s`, `m`, `l` or `x`, as published; empty for that whose own backbone has such maps, else `s`.
        depth: multiplier of the layers of the neck; 0 for that of the size.
        width: multiplier of the channels of neck and head; 0 for that of the size.
        score: lowest score that is told.
        nms: overlap from which on the lower of two boxes of a class is dropped.
        most: detections for each image.
    """

    told = "best"

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        size: str = "",
        depth: float = 0.0,
        width: float = 0.0,
        score: float = 0.01,
        nms: float = 0.65,
        most: int = 100,
    ) -> None:
        super().__init__(maps, classes)
        parts = libreyolo.yolox()
        self.most, self.score, self.nms = most, score, nms
        published = parts.LibreYOLOXModel.CONFIGS[_size(size, maps)]
        depth, width = depth or published["depth"], width or published["width"]
        shared = (_INPUTS, list(_CHANNELS), published["depthwise"])
        self.fitting = nn.ModuleList(
            nn.Identity() if have == int(want * width) else parts.BaseConv(have, int(want * width), 1, 1)
            for have, want in zip(maps.channels, _CHANNELS, strict=True)
        )
        self.neck = parts.YOLOPAFPN(depth, width, *shared)
        self.neck.backbone = _Given()
        self.predictor = parts.YOLOXHead(classes, width, list(self.strides), *shared[1:2], depthwise=shared[2])
        self.predictor.initialize_biases(PRIOR)
        self.predictor.export = True  # gives boxes, not what they are decoded from
        self.settle()

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        """Loss of boxes (1 - squared overlap, times 5), of objectness and of classes.

        SimOTA says which places are of which object; all three are sums over the number of such places.
        """
        self.predictor.grids = [torch.zeros(1)] * len(maps)  # kept from before, it could be of another device
        found, x, y, strides, _ = self.predictor.forward_train_maps(self.features(maps))
        labels = _labels(truths).to(found.device)
        with torch.autocast(found.device.type, enabled=False):
            every = self.predictor.get_losses(None, x, y, strides, labels, found.float(), [], dtype=torch.float32)
        return {name: every[f"{name}_loss"] for name in ("iou", "obj", "cls")}

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        """See `Detector.find`: the best class of every place, and then one box of those that overlap in a class."""
        boxes, every = self.candidates(maps, size)
        scores, classes = every.max(-1)
        return [self.thinned(*image, size) for image in zip(boxes, scores, classes, strict=True)]

    def candidates(self, maps: list[Tensor], size: int) -> tuple[Tensor, Tensor]:
        """See `Detector.candidates`."""
        places = self.predictor(self.features(maps)).float()
        middle, half = places[..., :2], places[..., 2:4] / 2
        boxes = torch.cat([middle - half, middle + half], -1).clamp(0, size)
        sure = places[..., 4:].sigmoid() if self.predictor.training else places[..., 4:]
        return boxes, sure[..., :1] * sure[..., 1:]

    def adopt(self, weights: Mapping[str, Tensor], pairs: Mapping[int, int]) -> None:
        """Take neck and head of a whole YOLOX; see `Detector.adopt`."""
        inherit(self, {_renamed(name): value for name, value in weights.items()}, r"\.cls_preds\.", pairs)


class _Given(nn.Module):
    """In the place of the neck's own backbone: gives maps that are there already."""

    def forward(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        return dict(zip(_INPUTS, maps, strict=True))


def _size(wanted: str, maps: Maps) -> str:
    if wanted and wanted not in libreyolo.SIZES:
        raise RecipeError(f"a YOLOX of size {wanted!r}", expected=f"one of {', '.join(libreyolo.SIZES)}")
    widths = {name: each["width"] for name, each in libreyolo.yolox().LibreYOLOXModel.CONFIGS.items()}
    own = [name for name, width in widths.items() if maps.channels == tuple(int(c * width) for c in _CHANNELS)]
    return wanted or (own[0] if own else "s")


def _labels(truths: Sequence[Truth]) -> Tensor:
    """Class, middle and size of each object (n, most, 5), zeros behind the last."""
    return pad_sequence(
        [
            torch.cat([each.classes.unsqueeze(1), (low + high) / 2, high - low], 1)
            for each in truths
            for low, high in [(each.boxes[:, :2], each.boxes[:, 2:])]
        ],
        batch_first=True,
    )


def _renamed(name: str) -> str:
    part, _, rest = name.partition(".")
    return f"{'neck' if part == 'backbone' else 'predictor'}.{rest}"
