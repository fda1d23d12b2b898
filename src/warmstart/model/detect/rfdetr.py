"""RF-DETR (Robinson et al. 2025) on the maps of any backbone, its projector and decoder as transformers has them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.errors import MissingExtraError, RecipeError
from warmstart.model.backbone import Backbone
from warmstart.model.detect.base import Truth
from warmstart.model.detect.inherited import inherit
from warmstart.model.detect.rtdetr import Queried, as_label, draw
from warmstart.model.maps import Maps

_WEIGHTS = {"ce": 1.0, "bbox": 5.0, "giou": 2.0}
"""Of the terms of the loss, as published."""
_WIDTH = 16
"""Heads of the attention to the map."""
_SMALL: dict[str, Any] = {
    "model_type": "rf_detr_dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "out_features": ["stage1"],
}
"""A backbone that is built with the model, and thrown away."""


_OF_CLASSES = r"(^|\.)(class_embed|enc_out_class_embed\.\d+)\."
_ARCHITECTURE = "rfdetr-"


class Size(NamedTuple):
    """What differs between the models that are published: pixels a side, layers of the decoder, and places that a query
    looks at in each head.
    """

    side: int
    layers: int
    points: int = 2


SIZES = {"nano": Size(384, 2), "small": Size(512, 3), "medium": Size(576, 4)}


class RFDetr(Queried):
    """One map at a stride of 16, and queries that each look at some places of it, made better layer by layer.

    In training there are several groups of queries, which do not see each other, and each is matched with the objects
    one to one (group DETR, Chen et al. 2022). As published, the map is made of several layers of a vision transformer,
    all of one size; here of the maps of strides 16 and 32, the coarser of which is enlarged. Weights start as torch
    draws them (see `warmstart.model.detect.rtdetr.Detr`).

    Options:
        queries: objects that can be found in an image; 300 as published, and not more than the map has places.
        layers: of the decoder.
        width: of map and decoder, a multiple of 16; 256 as published.
        groups: of queries in training; 13 as published, each of which costs as much as the first.
        most: detections for each image.
        strides: of the maps that are read.
        points: places that a query looks at in each head of a layer.
        published: whether the body has made the one map already, as that of a whole RF-DETR does (`rfdetr:nano@FILE`).
    """

    strides = (16, 32)

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        queries: int = 100,
        layers: int = 3,
        width: int = 128,
        groups: int = 4,
        most: int = 100,
        strides: tuple[int, ...] = (16, 32),
        points: int = 4,
        published: bool = False,
    ) -> None:
        if width < 1 or width % _WIDTH:
            raise RecipeError(f"rfdetr with width={width}", expected=f"a multiple of {_WIDTH}")
        super().__init__(maps, classes)
        self.most, self.queries = most, queries
        shape = {"num_queries": queries, "decoder_layers": layers, "d_model": width, "group_detr": groups}
        ffn = 2048 if published else 4 * width
        channels = 0 if published else sum(maps.channels)
        self.detr = _model(channels, classes, {**shape, "decoder_n_points": points, "decoder_ffn_dim": ffn})

    @classmethod
    def meant(cls, backbone: Backbone) -> dict[str, Any]:
        """The options under which a whole RF-DETR was trained on its body."""
        size = SIZES.get(backbone.card.architecture.removeprefix(_ARCHITECTURE))
        if size is None or not backbone.card.architecture.startswith(_ARCHITECTURE):
            return {}
        shape = {"queries": 300, "layers": size.layers, "width": 256, "groups": 13, "points": size.points}
        return {**shape, "strides": (16,), "published": True}

    def adopt(self, weights: Mapping[str, Tensor], pairs: Mapping[int, int]) -> None:
        """Take the decoder of a whole RF-DETR, by the names of transformers; see `Detector.adopt`."""
        own = self.detr.state_dict()
        found = dict(weights)
        for name in ("model.query_feat", "model.reference_point_embed"):
            if f"{name}.weight" in found and own[f"{name}.every"].numel() == found[f"{name}.weight"].numel():
                found[f"{name}.every"] = found[f"{name}.weight"].view(own[f"{name}.every"].shape)
        inherit(self.detr, found, _OF_CLASSES, pairs)

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        """Loss of classes (focal, weighted by overlap), of edges (L1) and of overlap (GIoU).

        Each is the sum over the layers of the decoder and the proposals.
        """
        found: dict[str, Tensor] = {}
        for name, value in self._run(maps, truths).loss_dict.items():
            term = name.split("_")[1]
            if term in _WEIGHTS:
                found[term] = found.get(term, 0.0) + _WEIGHTS[term] * value
        return found

    def answers(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """See `Queried.answers`; of the first group, which is alone but in training."""
        out, first = self._run(maps, None), self.detr.config.num_queries
        return out.pred_boxes[:, :first], out.logits[:, :first]

    def extent(self, maps: list[Tensor]) -> int:
        """See `Queried.extent`."""
        return int(maps[0].shape[-1] * self.maps.strides[0])

    def _run(self, maps: list[Tensor], truths: Sequence[Truth] | None) -> Any:
        labels = None if truths is None else [as_label(each, self.extent(maps)) for each in truths]
        model = self.detr.model
        number = min(self.queries, maps[0].shape[2] * maps[0].shape[3])  # each starts from a place of its own
        self.detr.config.num_queries = model.num_queries = number
        model.query_feat.number = model.reference_point_embed.number = number
        model.backbone.maps = maps
        try:
            # Of the image nothing is read but how many there are: the maps are there already.
            return self.detr(pixel_values=maps[0][:, :1, :1, :1], labels=labels)
        finally:
            model.backbone.maps = []


class _Projected(nn.Module):
    """In the place of the model's own encoder: the map that maps which are there already make."""

    def __init__(self, projector: nn.Module) -> None:
        super().__init__()
        self.projector = projector
        self.maps: list[Tensor] = []

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        finest, *others = self.maps
        sides = finest.shape[-2:]
        found = self.projector((finest, *(functional.interpolate(each, sides) for each in others)))
        return found, found.new_ones((found.shape[0], *sides), dtype=torch.bool)  # `len` would settle a graph


class _AsItIs(nn.Module):
    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        return maps[0]


class _Groups(nn.Module):
    """What queries start from: `weight` (groups * number, width), of the first `number` of each group."""

    def __init__(self, groups: int, queries: int, start: Tensor) -> None:
        super().__init__()
        self.every = nn.Parameter(start.view(groups, queries, -1))
        self.number = queries

    @property
    def weight(self) -> Tensor:
        return self.every[:, : self.number].flatten(0, 1)


def _model(channels: int, classes: int, shape: Mapping[str, int]) -> Any:
    """A model of transformers without its backbone, its weights drawn from torch's generator.

    Args:
        channels: of all maps together; 0 where there is one that needs no projector.
        classes: how many there are.
        shape: how large it is, in the words of transformers.

    Raises:
        MissingExtraError: transformers is not installed.
    """
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("a detector of transformers", "text")
    from transformers import AutoConfig, AutoModelForObjectDetection

    config = AutoConfig.for_model(
        "rf_detr",
        backbone_config=AutoConfig.for_model(**_SMALL),
        num_labels=classes,
        dropout=0.0,  # as RT-DETR and D-FINE have it
        **shape,
    )
    model: Any = AutoModelForObjectDetection.from_config(config)  # type: ignore[no-untyped-call]
    model.float()
    first = model.model.backbone.projector.projector_layer.conv1
    first.conv = nn.Conv2d(channels or 1, first.conv.out_channels, 1, bias=False)
    model.model.backbone = _Projected(model.model.backbone.projector if channels else _AsItIs())
    draw(model)
    groups, queries = shape["group_detr"], shape["num_queries"]
    model.model.query_feat = _Groups(groups, queries, model.model.query_feat.weight.detach())
    model.model.reference_point_embed = _Groups(groups, queries, torch.zeros(groups * queries, 4))
    return model
