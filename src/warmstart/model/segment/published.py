"""Weights of whole segmenters of torchvision and transformers in our heads: what tells classes apart by the names of
these, and all else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from torch import Tensor

from warmstart.model.backbone import Backbone
from warmstart.model.detect.inherited import inherit
from warmstart.model.options import parse
from warmstart.model.segment.decoder import DecoderHead
from warmstart.model.segment.design import DEFAULT
from warmstart.model.shared_classes import shared

_LAST_MAP = ((r"classifier\.4\.", "segmentation_head."), (r"classifier\.", "decoder.layers."))
_NAMES = {
    "fcn": _LAST_MAP,
    "deeplabv3_torchvision": _LAST_MAP,
    "lraspp": (
        (r"classifier\.(high|low)_classifier\.", r"segmentation_head.\1."),
        (r"classifier\.", "decoder."),
    ),
    "segformer_transformers": (
        (r"decode_head\.classifier\.", "segmentation_head."),
        (r"decode_head\.linear_(?:c|projections)\.(\d+)\.proj\.", r"decoder.projections.\1."),
        (r"decode_head\.linear_fuse\.", "decoder.fuse.0."),
        (r"decode_head\.batch_norm\.", "decoder.fuse.1."),
    ),
}
"""Of each head starts of its supplier's names, and ours for them."""
_WHOLE = {
    "fcn_resnet": "fcn",
    "deeplabv3_resnet": "deeplabv3_torchvision",
    "lraspp_mobilenet": "lraspp",
    "segformer": "segformer_transformers",
}
"""Starts of the architectures of backbones that come of a whole segmenter, and that segmenter's head."""


def usual(backbone: Backbone) -> str:
    """The head that a backbone was trained with, by its name here; empty for one that is of no segmenter."""
    architecture = backbone.card.architecture
    return next((name for start, name in _WHOLE.items() if architecture.startswith(start)), "")


def asked(text: str, backbone: Backbone) -> str:
    """The head that a name asks for on a backbone, with the options that the backbone was trained with unless others
    are given; of an empty text the one that the backbone was trained with.
    """
    own = usual(backbone)
    name, given = parse(text or own or DEFAULT)
    if name != "segformer_transformers" or name != own or not backbone.structure:
        return text or own
    channels = json.loads(backbone.structure).get("decoder_hidden_size", 256)
    return "?".join([name, "&".join(f"{key}={value}" for key, value in ({"channels": channels} | given).items())])


def told(text: str, backbone: Backbone, classes: Sequence[str]) -> str:
    """What of a whole segmenter comes with a backbone to classes, in words; empty where nothing does."""
    own = usual(backbone)
    if not own or parse(asked(text, backbone))[0] != own or not _weights(backbone):
        return ""
    kept = [classes[i] for i in shared(classes, backbone.source_classes)]
    rows = f"with its outputs for {', '.join(kept)}" if kept else "but for its last layer: no class has the same name"
    return f"the head {own} comes with the backbone, {rows}"


def adopt(head: DecoderHead, backbone: Backbone, classes: Sequence[str]) -> None:
    """Give a new head the weights of the one that a backbone was trained with, if it is such a one; of its last layer
    the rows of classes that both have.
    """
    tensors = _weights(backbone) if usual(backbone) == head.name else {}
    if tensors:
        head.adopted = True
        inherit(head, tensors, r"^segmentation_head\.", shared(classes, backbone.source_classes))


def _weights(backbone: Backbone) -> dict[str, Tensor]:
    """Those of the head that a backbone came with, by our names; none where it came without."""
    if backbone.source_weights is None:
        return {}
    names, found = _NAMES[usual(backbone)], dict[str, Tensor]()
    for key, value in backbone.source_weights().items():
        ours = next(((start, to) for start, to in names if re.match(start, key)), None)
        if ours is not None:
            found[re.sub(ours[0], ours[1], key, count=1)] = value
    return found
