"""`torchvision:fasterrcnn_resnet50_fpn`, `torchvision:deeplabv3_resnet50`: bodies of torchvision's detectors and
segmenters, with the weights of the whole.

Weights come from torch's cache, or from a file: `torchvision:fasterrcnn_resnet50_fpn@FILE`. The features are the means
of the last map. What lies above the body goes to a head of the same kind that is put on this backbone
(`source_weights`, `warmstart.model.detect.published`, `warmstart.model.segment.published`); of what tells classes
apart, the classes of the same name.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from pathlib import Path

import torchvision
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from warmstart.model.adapters.at_file import called, split
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.adapters.torchvision_files import fetched
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.reconcile import load_state
from warmstart.model.weights import file_sha256, read_weights
from warmstart.preprocess.spec import EIGHT_BITS, PreprocessSpec

_USUAL = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_FROZEN = 1e-12
"""Added to the variances of norms that were frozen when trained, where torchvision adds nothing: torch does not train a
norm so, and no activation here differs by it."""
_VGG_MEAN, _HALF = (0.48235, 0.45882, 0.40784), (0.5,) * 3


@dataclasses.dataclass(frozen=True)
class Facts:
    """What torchvision does not say of these networks in one place.

    Args:
        body: `resnet50`, `resnet101`, `vgg16`, `mobilenet` or `mobilenet_dilated`.
        size: pixels a side of what they see; those of 800 take any.
        norm: mean and standard deviation of the inputs.
        eps: of the batch norms of the body; see `_FROZEN`.
        levels: cuts at which the head reads maps of some strides, where these are not the usual ones.
    """

    body: str
    size: int = 800
    norm: tuple[tuple[float, ...], tuple[float, ...]] = _USUAL
    eps: float = 1e-5
    levels: tuple[tuple[int, str], ...] = ()


DETECTORS = {
    "fasterrcnn_resnet50_fpn": Facts("resnet50", eps=_FROZEN),
    "maskrcnn_resnet50_fpn": Facts("resnet50", eps=_FROZEN),
    "retinanet_resnet50_fpn": Facts("resnet50", eps=_FROZEN),
    "fcos_resnet50_fpn": Facts("resnet50"),
    "ssd300_vgg16": Facts("vgg16", 300, (_VGG_MEAN, (1 / EIGHT_BITS,) * 3)),
    "ssdlite320_mobilenet_v3_large": Facts("mobilenet", 320, (_HALF, _HALF), eps=1e-3),
}
SEGMENTERS = {
    "fcn_resnet50": Facts("resnet50", 520),
    "fcn_resnet101": Facts("resnet101", 520),
    "deeplabv3_resnet50": Facts("resnet50", 520),
    "deeplabv3_resnet101": Facts("resnet101", 520),
    "lraspp_mobilenet_v3_large": Facts(
        "mobilenet_dilated", 520, levels=((8, "features.4.block.3.1"), (16, "features.16.2"))
    ),
}
WHOLE = {**DETECTORS, **SEGMENTERS}


def is_whole(name: str) -> bool:
    """Whether a name, with or without a file behind it, is that of a detector or a segmenter here."""
    return split(name)[0] in WHOLE


def bodied(name: str, *, pretrained: bool, seed: int) -> Backbone:
    """The body of a detector or a segmenter as a backbone.

    Raises `BackboneError` where its weights cannot be had or do not fit.
    """
    wanted, file = split(name)
    facts, entry = WHOLE[wanted], torchvision.models.get_model_weights(wanted).DEFAULT
    mean, std = facts.norm
    spec = PreprocessSpec(facts.size, "pad", interpolation="bilinear", mean=mean, std=std)
    module = body(wanted, seed=seed)
    card = BackboneCard(
        name=called("torchvision", wanted, file),
        architecture=wanted,
        source=f"torchvision {torchvision.__version__}, {entry.name}, {entry.url}",
        licence="unknown",
        trained_on="COCO 2017" if wanted in DETECTORS else "COCO 2017, the classes of Pascal VOC",
        weights_sha256="",
        parameters=0,
        min_size=64,
    )
    if not pretrained:
        return dataclasses.replace(assemble(module, spec, drawn(card, seed)), levels=facts.levels)
    if file:
        path = Path(file).expanduser()
        card = dataclasses.replace(
            card, source=f"weights file {path.name}, sha256 {file_sha256(path)}", trained_on="unknown"
        )
    read = functools.partial(_read, wanted, file, entry.url)
    state = read()
    load_state(module, of_body(state, facts.body), origin=file or entry.url)
    classes = entry.meta["categories"] if _fits(state, len(entry.meta["categories"])) else ()
    return dataclasses.replace(
        assemble(module, spec, card), source_weights=read, source_classes=tuple(classes), levels=facts.levels
    )


def body(name: str, *, seed: int) -> nn.Module:
    """The layers below the head, and the means of what they give, with torchvision's initialisation."""
    facts = WHOLE[split(name)[0]]
    with seeded(seed):
        if facts.body.startswith("resnet"):
            norms = functools.partial(nn.BatchNorm2d, eps=facts.eps)
            resnet: nn.Module = torchvision.models.get_model(facts.body, norm_layer=norms)
            resnet.fc = nn.Identity()
            return resnet
        if facts.body == "vgg16":
            layers = make_layers(cfgs["D"])  # VGG-16 without its classifier, which is most of it, and as it starts
            for layer in layers:
                if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                    nn.init.zeros_(layer.bias)
            [layer for layer in layers if isinstance(layer, nn.MaxPool2d)][2].ceil_mode = True  # 300 / 8 is 38 then
            return Pooled(layers[:-1])
        if facts.body == "mobilenet_dilated":
            return Pooled(torchvision.models.mobilenet_v3_large(dilated=True).features)
        norm = functools.partial(nn.BatchNorm2d, eps=facts.eps, momentum=0.03)
        layers = torchvision.models.mobilenet_v3_large(norm_layer=norm, reduced_tail=True).features
        at = [i for i, layer in enumerate(layers) if getattr(layer, "_is_cn", False)][-1]
        inside = layers[at].block  # the first map is read where this block is widest
        parts = nn.Sequential(*layers[:at], inside[0]), nn.Sequential(inside[1:], *layers[at + 1 :])
        return Pooled(nn.Sequential(*parts))


class Pooled(nn.Module):
    """Layers, and the means of the map that they give (n, channels)."""

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        found: Tensor = self.features(x).mean((2, 3))
        return found


def of_body(state: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """The weights of the body, by the names of `body`.

    >>> list(of_body({"backbone.body.conv1.weight": 0, "rpn.x": 0}, "resnet50"))
    ['conv1.weight']
    >>> list(of_body({"backbone.features.0.weight": 0, "backbone.extra.0.1.bias": 0}, "vgg16"))
    ['features.0.weight', 'features.24.bias']
    >>> list(of_body({"backbone.0.0.weight": 0, "classifier.cbr.0.weight": 0}, "mobilenet_dilated"))
    ['features.0.0.weight']
    """
    found, whole = {}, any(key.startswith("backbone.body.") for key in state)
    for key, value in state.items():
        name = re.sub(r"^backbone\.(body\.|(?=features\.))", "", key)
        if kind == "mobilenet_dilated":
            name = re.sub(r"^backbone\.", "features.", key)
        elif kind.startswith("resnet") and not whole:  # of a segmenter
            name = re.sub(r"^backbone\.", "", key)
        conv5 = re.match(r"backbone\.extra\.0\.(\d+)\.(weight|bias)$", key)
        if kind == "vgg16" and conv5:  # the part of the body behind the map that is read first
            found[f"features.{23 + int(conv5[1])}.{conv5[2]}"] = value
        elif name != key:
            found[name] = value
    return found


def _read(name: str, file: str, url: str) -> dict[str, Tensor]:
    return read_weights(Path(file).expanduser()) if file else fetched(name, url)


def _fits(state: Mapping[str, Tensor], classes: int) -> bool:
    """Whether what tells classes apart is of so many of them."""
    of_classes = r"cls_(score|logits)\.bias|classification.*\.bias|^classifier\.(4|low_classifier)\.bias"
    widths = [len(v) for key, v in state.items() if re.search(of_classes, key)]
    return bool(widths) and widths[-1] % classes == 0
