"""RT-DETR (Zhao et al. 2024) and D-FINE (Peng et al. 2025) on the maps of any backbone, as transformers has them."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warmstart.errors import MissingExtraError
from warmstart.model.adapters.configuration import kept
from warmstart.model.adapters.filling import quiet
from warmstart.model.backbone import Backbone
from warmstart.model.detect.base import Detector, Found, Truth
from warmstart.model.detect.inherited import inherit
from warmstart.model.detect.necks import aligned
from warmstart.model.maps import Maps
from warmstart.model.modes import traced

_TERMS = ("vfl", "bbox", "giou", "fgl", "ddf")
_SMALL: dict[str, Any] = {
    "model_type": "rt_detr_resnet",
    "embedding_size": 8,
    "hidden_sizes": [8] * 4,
    "depths": [1] * 4,
    "layer_type": "basic",
    "out_indices": [2, 3, 4],
}
"""A backbone that is built with the model, and thrown away."""
_ANY_SIZE = {"anchor_image_size": None, "eval_size": None}
"""Places and anchors are worked out for every input, rather than once for one size."""
_CONSTANTS = ("reg_scale", "up")
"""Of D-FINE, which has them as parameters without a gradient: here what can be trained is a parameter, and all else a
buffer."""
_OF_CLASSES = r"\.(enc_score_head|class_embed\.\d+|denoising_class_embed)\."
_DRAWN = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.Embedding)


class Queried(Detector):
    """A detector of transformers whose queries are each one object or none.

    Nothing is thinned: what is found are the best pairs of a query and a class.
    """

    detr: Any

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        """See `Detector.find`."""
        edges, every = self.candidates(maps, size)
        scores = every.flatten(1)
        scores, order = scores.topk(min(self.most, scores.shape[1]), 1)
        edges = edges.gather(1, (order // self.classes).unsqueeze(-1).expand(-1, -1, 4))
        return [Found(*image) for image in zip(edges, scores, order % self.classes, strict=True)]

    def candidates(self, maps: list[Tensor], size: int) -> tuple[Tensor, Tensor]:
        """See `Detector.candidates`."""
        with of_any_number(self.detr) if traced() else contextlib.nullcontext():
            boxes, logits = self.answers(maps)
        boxes = boxes.float() * self.extent(maps)
        middle, half = boxes[..., :2], boxes[..., 2:] / 2
        return torch.cat([middle - half, middle + half], -1).clamp(0, size), logits.float().sigmoid()

    @property
    def thinning(self) -> dict[str, Any]:
        """See `Detector.thinning`."""
        return {"overlap": None, "score": 0.0, "most": self.most, "classes": "several"}

    def answers(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Middles and sides (n, queries, 4) as shares of the `extent`, and logits (n, queries, classes)."""
        raise NotImplementedError

    def extent(self, maps: list[Tensor]) -> int:
        """Pixels that the maps reach over, which is what the model takes for the image."""
        raise NotImplementedError


class Detr(Queried):
    """Maps through a hybrid encoder to queries, each of which is one object or none, made better layer by layer.

    In training every layer's queries are matched with objects one to one (Hungarian matching), and beside that the
    decoder learns to repair boxes that noise was added to (denoising). Nothing is thinned: what is found are the best
    pairs of a query and a class.

    A new head starts from torch's usual weights. Those that transformers draws, batch normalisation around 0 and all
    matrices at 0.01, are meant to be overwritten, and learn much more slowly.

    Options:
        queries: objects that can be found in an image; not more than its maps have places.
        layers: of the decoder.
        width: of encoder and decoder, a multiple of 8.
        denoising: boxes with noise for each image; 0 for none.
        most: detections for each image.
        published: a `config.json`, which says all but the last instead.
    """

    model_type: ClassVar[str]

    def __init__(
        self,
        maps: Maps,
        classes: int,
        *,
        queries: int = 300,
        layers: int = 6,
        width: int = 256,
        denoising: int = 100,
        most: int = 100,
        published: str = "",
    ) -> None:
        super().__init__(maps, classes)
        self.most = most
        said = kept(json.loads(published)) if published else _sized(queries, layers, width, denoising)
        self.queries = int(said.get("num_queries", queries))
        self.detr = _model(self.model_type, said, maps.channels, classes)

    @classmethod
    def meant(cls, backbone: Backbone) -> dict[str, Any]:
        """The `config.json` of a whole model whose backbone it is."""
        said = json.loads(backbone.structure) if backbone.structure.startswith(b"{") else {}
        return {"published": backbone.structure.decode()} if said.get("model_type") == cls.model_type else {}

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        """Loss of classes (varifocal), of edges (L1) and of overlap (GIoU); D-FINE has two more.

        Each is the sum over the layers of the decoder, the proposals of the encoder, and the denoising.
        """
        found: dict[str, Tensor] = {}
        for name, value in self._run(maps, truths).loss_dict.items():
            term = name.split("_")[1]
            found[term] = found[term] + value if term in found else value
        return {term: found[term] for term in _TERMS if term in found}

    def answers(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """See `Queried.answers`."""
        out = self._run(maps, None)
        return out.pred_boxes, out.logits

    def adopt(self, weights: Mapping[str, Tensor], pairs: Mapping[int, int]) -> None:
        """Take what is behind the backbone in a whole model; see `Detector.adopt`."""
        if published := self.options["published"]:
            inherit(self.detr, _whole(self.model_type, published, weights), _OF_CLASSES, pairs)

    def _run(self, maps: list[Tensor], truths: Sequence[Truth] | None) -> Any:
        labels = None if truths is None else [as_label(each, self.extent(maps)) for each in truths]
        given = self.detr.model.backbone
        given.maps = aligned(maps)
        places = sum(each.shape[2] * each.shape[3] for each in given.maps)
        self.detr.config.num_queries = min(self.queries, places)  # each starts from a place of its own
        try:
            # Of the image nothing is read but how many there are: the maps are there already.
            return self.detr(pixel_values=maps[0][:, :1, :1, :1], labels=labels)
        finally:
            given.maps = []

    def extent(self, maps: list[Tensor]) -> int:
        """See `Queried.extent`."""
        return int(aligned(maps)[-1].shape[-1] * self.strides[-1])


class RTDetr(Detr):
    """See `Detr`."""

    model_type = "rt_detr"


class DFine(Detr):
    """See `Detr`. Each edge of a box is a distribution, which every layer of the decoder makes sharper."""

    model_type = "d_fine"


class _Given(nn.Module):
    """In the place of the model's own backbone: gives maps that are there already."""

    def __init__(self) -> None:
        super().__init__()
        self.maps: list[Tensor] = []

    def forward(self, image: Tensor, mask: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(each, mask) for each in self.maps]


@contextlib.contextmanager
def of_any_number(model: nn.Module) -> Iterator[None]:
    """Inside, what transformers asks of shapes leaves a graph open for any number of images.

    `len` of a tensor would settle it, so in the module of the model it gives the first size; and checks of values,
    which graphs cannot hold, are left out.
    """
    code, check = vars(sys.modules[type(model).__module__]), "TRANSFORMERS_DISABLE_TORCH_CHECK"
    before = os.environ.get(check)
    code["len"] = lambda x: x.shape[0] if isinstance(x, Tensor) else len(x)
    os.environ[check] = "1"
    try:
        yield
    finally:
        del code["len"]
        if before is None:
            del os.environ[check]
        else:
            os.environ[check] = before


def _sized(queries: int, layers: int, width: int, denoising: int) -> dict[str, Any]:
    return {
        "num_queries": queries,
        "decoder_layers": layers,
        "d_model": width,
        "encoder_hidden_dim": width,
        "decoder_in_channels": [width] * 3,
        "encoder_ffn_dim": 4 * width,
        "decoder_ffn_dim": 4 * width,
        "num_denoising": denoising,
    }


def _model(kind: str, said: dict[str, Any], channels: Sequence[int], classes: int) -> Any:
    """A model of transformers for maps of these widths, without its backbone, its weights drawn from torch's generator.

    Raises:
        MissingExtraError: transformers is not installed.
    """
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("a detector of transformers", "text")
    from transformers import AutoConfig, AutoModelForObjectDetection

    settled = {"backbone_config": AutoConfig.for_model(**_SMALL), "num_labels": classes, "tie_word_embeddings": False}
    said = {key: value for key, value in said.items() if key != "model_type"}
    config = AutoConfig.for_model(kind, **{**said, **settled, **_ANY_SIZE})
    model: Any = AutoModelForObjectDetection.from_config(config)  # type: ignore[no-untyped-call]
    model.float()
    model.model.backbone = _Given()
    for fit, have in zip(model.model.encoder_input_proj, channels, strict=True):
        fit[0] = nn.Conv2d(have, fit[0].out_channels, 1, bias=False)
    for spare in ("class_embed", "bbox_embed"):  # D-FINE has those of the decoder under a second name
        if hasattr(model, spare):
            delattr(model, spare)
    for name in _CONSTANTS:
        if hasattr(model.model.decoder, name):
            value = getattr(model.model.decoder, name).detach()
            delattr(model.model.decoder, name)
            model.model.decoder.register_buffer(name, value)
    draw(model)
    return model


def draw(model: Any) -> None:
    """The weights of torch, and then what the model sets by its own rule: biases, sampling points, gates."""
    for part in model.modules():
        if isinstance(part, _DRAWN):
            part.reset_parameters()
    for part in model.modules():
        if not isinstance(part, _DRAWN):
            model._init_weights(part)


def as_label(truth: Truth, extent: int) -> dict[str, Tensor]:
    """The objects of an image in the words of transformers, whose boxes are shares of `extent` pixels."""
    low, high = truth.boxes[:, :2], truth.boxes[:, 2:]
    return {"class_labels": truth.classes, "boxes": torch.cat([(low + high) / 2, high - low], 1) / extent}


def _whole(kind: str, published: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of a whole model by the names of the transformers that is installed, those that are tied, too."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_OBJECT_DETECTION_MAPPING

    said = {key: value for key, value in kept(json.loads(published)).items() if key != "model_type"}
    classes = next(len(value) for name, value in weights.items() if name.endswith("enc_score_head.weight"))
    config = AutoConfig.for_model(kind, **{**said, "num_labels": classes})
    model: Any = MODEL_FOR_OBJECT_DETECTION_MAPPING[type(config)]
    with quiet():
        loaded = model.from_pretrained(None, config=config, state_dict=dict(weights))
    return dict(loaded.float().state_dict())
