"""YOLO9 (Wang et al. 2024) on the maps of any backbone; neck, head, assignment and losses are LibreYOLO's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from warmstart.errors import RecipeError
from warmstart.model.backbone import Backbone
from warmstart.model.detect import libreyolo
from warmstart.model.detect.base import Found, Truth
from warmstart.model.detect.inherited import inherit
from warmstart.model.detect.necks import aligned
from warmstart.model.detect.yolo import PRIOR, Yolo
from warmstart.model.maps import Maps

_LAST = "head.cv3.0.2.weight"
"""In a file of YOLO9: what tells classes apart, of as many inputs as the layers before it are wide."""


class Yolo9(Yolo):
    """Maps through a PAN of GELAN blocks (`neck`) to a head (`predictor`): classes, and edges as distributions.

    Maps that are not of the widths that the neck reads are brought to them by a convolution of 1x1 each (`fitting`).
    Those of GELAN, YOLO9's own backbone, need none, so that weights of a whole YOLO9 fit. The auxiliary branch that it
    can be trained with (PGI) is left out, as in the weights that are published.

    Options:
        size: `t`, `s`, `m` or `c`, as published; empty for that whose own backbone has such maps, else `t`.
        class_width: channels of the layers that tell classes apart; 0 for YOLO9's rule, by which it depends on how many
            classes there are. On a whole YOLO9 it is what its weights have.
        score: lowest score that is told.
        nms: overlap from which on the lower of two boxes of a class is dropped.
        most: detections for each image.
    """

    told = "several"

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        size: str = "",
        class_width: int = 0,
        score: float = 0.01,
        nms: float = 0.65,
        most: int = 100,
    ) -> None:
        super().__init__(maps, classes)
        parts = libreyolo.yolo9()
        self.most, self.score, self.nms = most, score, nms
        size = _size(size, maps)
        sizes, wanted = parts.YOLO9_CONFIGS[size], channels(size)
        self.fitting = nn.ModuleList(
            nn.Identity() if have == want else parts.Conv(have, want, 1)
            for have, want in zip(maps.channels, wanted, strict=True)
        )
        self.neck = _AtOnce(parts.Neck9(size))
        self.predictor = parts.DDetect(class_width or classes, sizes["head_channels"], stride=self.strides)
        self.predictor.export = True  # places are worked out anew for each input
        if class_width:  # for so many classes YOLO9's rule makes layers of that width
            if self.predictor.cv3[0][-1].in_channels != class_width:
                raise RecipeError(
                    f"a YOLO9 of size {size} with class_width={class_width}",
                    expected=f"{wanted[0]}, or more and at most 100",
                )
            self.predictor.nc, self.predictor.no = classes, classes + 4 * self.predictor.reg_max
            for tower in self.predictor.cv3:
                tower[-1] = nn.Conv2d(tower[-1].in_channels, classes, 1)
        for tower in self.predictor.cv3:  # as published it is 4.5e-5, which some hundreds of epochs repair
            nn.init.constant_(tower[-1].bias, float(torch.logit(torch.tensor(PRIOR))))
        self.settle()

    @classmethod
    def meant(cls, backbone: Backbone) -> dict[str, Any]:
        """The width of what tells classes apart in weights of a whole YOLO9 that came with its backbone."""
        whole = backbone.card.architecture.startswith("gelan") and backbone.source_weights is not None
        weights = backbone.source_weights() if whole and backbone.source_weights is not None else {}
        return {"class_width": weights[_LAST].shape[1]} if _LAST in weights else {}

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        """Loss of boxes (CIoU, times 7.5), of the distributions of their edges (times 1.5) and of classes (times 0.5).

        Which places are of which object is said by their scores and overlaps together (TAL, Feng et al. 2021).
        """
        extent = aligned(maps)[-1].shape[-1] * self.strides[-1]
        found = self.predictor(self.features(maps))
        loss = libreyolo.yolo9_loss()(
            self.classes, self.predictor.reg_max, list(self.strides), [extent, extent], found[0].device
        )
        with torch.autocast(found[0].device.type, enabled=False):
            every = loss([each.float() for each in found], _labels(truths, extent).to(found[0].device))
        return {name: every[f"{name}_loss"] for name in ("box", "dfl", "cls")}

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        """See `Detector.find`: the best pairs of a place and a class, and then one of those that overlap in a class."""
        boxes, scores = self.candidates(maps, size)
        classes = torch.arange(self.classes, device=boxes.device).expand(boxes.shape[1], -1).flatten()
        pairs = boxes.unsqueeze(2).expand(-1, -1, self.classes, -1).flatten(1, 2)
        return [self.thinned(*image, classes, size) for image in zip(pairs, scores.flatten(1), strict=True)]

    def candidates(self, maps: list[Tensor], size: int) -> tuple[Tensor, Tensor]:
        """See `Detector.candidates`."""
        found = self.predictor(self.features(maps))
        decoded = self.predictor._decode_inference(found) if self.predictor.training else found[0]
        found = decoded.float().transpose(1, 2)
        return found[..., :4].clamp(0, size), found[..., 4:]

    def adopt(self, weights: Mapping[str, Tensor], pairs: Mapping[int, int]) -> None:
        """Take neck and head of a whole YOLO9; see `Detector.adopt`."""
        ours = {"neck": "neck.whole", "head": "predictor"}
        named = {name.partition("."): value for name, value in weights.items()}
        found = {f"{ours[part]}.{rest}": value for (part, _, rest), value in named.items() if part in ours}
        inherit(self, found, r"\.cv3\.\d+\.2\.", pairs)


class _AtOnce(nn.Module):
    """A neck that is given its maps as one list."""

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, maps: Sequence[Tensor]) -> Sequence[Tensor]:
        found: Sequence[Tensor] = self.whole(*maps)
        return found


def channels(size: str) -> tuple[int, int, int]:
    """Of the maps of YOLO9's own backbone.

    >>> channels("t")
    (64, 96, 128)
    """
    said = libreyolo.yolo9().YOLO9_CONFIGS[size]
    return said["stages"][0][1], said["stages"][1][1], said["spp_out"]


def _size(wanted: str, maps: Maps) -> str:
    if wanted and wanted not in libreyolo.SIZES_9:
        raise RecipeError(f"a YOLO9 of size {wanted!r}", expected=f"one of {', '.join(libreyolo.SIZES_9)}")
    own = [size for size in libreyolo.SIZES_9 if channels(size) == tuple(maps.channels)]
    return wanted or (own[0] if own else "t")


def _labels(truths: Sequence[Truth], extent: int) -> Tensor:
    """Class and edges of each object (n, most, 5) as shares of the input; boxes without area behind the last."""
    rows = [torch.cat([each.classes.unsqueeze(1), each.boxes / extent], 1) for each in truths]
    return pad_sequence(rows, batch_first=True)
