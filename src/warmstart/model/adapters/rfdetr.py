"""`rfdetr:nano@FILE`: the body of RF-DETR (nano, small, medium) with the weights of a file that rfdetr saved.

The body is DINOv2 with attention in windows, whose maps of four layers a projector makes one map at a stride of 16 of.
It is built by transformers, which also knows the names of such files. The decoder of the file goes to an `rfdetr` head
that is put on this body (`source_weights`). Files are read without running anything in them; they are not needed for
random weights: `rfdetr:nano?pretrained=false`.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import torch
from timm.models import register_notrace_module
from torch import Tensor, nn

from warmstart.errors import BackboneError, MissingExtraError
from warmstart.model.adapters.at_file import called, existing, split
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.adapters.filling import quiet
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.detect.rfdetr import SIZES
from warmstart.model.reconcile import load_state
from warmstart.model.weights import file_sha256, read_checkpoint, read_classes
from warmstart.preprocess.spec import PreprocessSpec

_FIRST = "backbone.0.encoder.encoder.embeddings.cls_token"
_LAST = "class_embed.weight"
_PATCH, _HIDDEN, _TAPS = 16, 384, (3, 6, 9, 12)
_COCO = 91
"""Outputs of what was trained on COCO: one for each category id, of which some are of nothing."""


@register_notrace_module
class Encoder(nn.Module):
    """Images (n, 3, size, size) to maps of four layers, beside each other (n, 4 * channels, size / 16, size / 16)."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> Tensor:
        """The maps; what is inside is not cut."""
        return torch.cat(self.backbone(x).feature_maps, 1)


@register_notrace_module
class Projector(nn.Module):
    """Those maps to one (n, channels, size / 16, size / 16)."""

    def __init__(self, projector: Any) -> None:
        super().__init__()
        self.projector = projector

    def forward(self, x: Tensor) -> Tensor:
        """The map."""
        found: Tensor = self.projector((x,))
        return found


class Body(nn.Module):
    """Images (n, 3, size, size), their sides a multiple of 32, to the means of the map (n, channels)."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.encoder, self.projector = Encoder(whole.backbone), Projector(whole.projector)

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        found: Tensor = self.projector(self.encoder(x)).mean((2, 3))
        return found


class RFDetrSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The body, and all tensors of the file by transformers' names.

        Raises:
            BackboneError: no such size, no file, or one of another network.
            MissingExtraError: transformers is not installed.
        """
        size, file = split(name)
        module = self.untrained(name, seed=seed)
        spec = PreprocessSpec(SIZES[size].side, "squash", interpolation="bilinear")
        card = BackboneCard(called("rfdetr", size, file), f"rfdetr-{size}", "", "unknown", "unknown", "", 0)
        if not pretrained:
            return assemble(module, spec, drawn(card, seed))
        path = existing(file, f"rfdetr:{size}")
        tensors = read(path, size)
        ours = {"model.backbone.backbone.": "encoder.backbone.", "model.backbone.projector.": "projector.projector."}
        own = {
            put + key.removeprefix(start): value
            for key, value in tensors.items()
            for start, put in ours.items()
            if key.startswith(start)
        }
        load_state(module, own, origin=str(path))
        card = dataclasses.replace(card, source=f"RF-DETR weights file {path.name}, sha256 {file_sha256(path)}")
        classes = _classes(path, len(tensors[_LAST]))
        backbone = assemble(module, spec, card)
        return dataclasses.replace(backbone, source_weights=lambda: read(path, size), source_classes=classes)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The network with the weights that transformers draws."""
        size = split(name)[0]
        with seeded(seed):
            return Body(_model(size, 2).model.backbone)

    def licence(self, name: str) -> str:
        """Unknown: such a file states none. Those of Roboflow in these sizes are under Apache-2.0."""
        return "unknown"


SUPPLIER = RFDetrSupplier()


def read(path: Path, size: str) -> dict[str, Tensor]:
    """The tensors of a file of rfdetr by the names of transformers, in whatever they are wrapped in the file.

    Raises:
        BackboneError: there is no such file, it cannot be read safely, or it is of another network or size.
    """
    found = read_checkpoint(path)
    prefixes = [key.removesuffix(_FIRST) for key in found if key.endswith(_FIRST)]
    if not prefixes:
        raise BackboneError(f"weights file {path} has no {_FIRST}", expected="RF-DETR, as the package rfdetr saves it")
    prefix = min(prefixes, key=len)
    state = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
    _refuse_other(path, state, size)
    whole: Any = type(_model(size, 2))
    with quiet():
        loaded = whole.from_pretrained(None, config=_config(size, len(state[_LAST])), state_dict=state)
    return dict(loaded.float().state_dict())


def _refuse_other(path: Path, state: dict[str, Tensor], size: str) -> None:
    """Raise `BackboneError` for a file of another size, which is told by how many layers and places it has."""
    places, layers = SIZES[size].side // _PATCH, SIZES[size].layers
    decoder = len({key.split(".")[3] for key in state if key.startswith("transformer.decoder.layers.")})
    embedded = state["backbone.0.encoder.encoder.embeddings.position_embeddings"].shape[1] - 1
    if (embedded, decoder) != (places**2, layers):
        raise BackboneError(
            f"weights file {path} is of {decoder} layers of decoder and {embedded} places of the encoder",
            expected=f"{layers} and {places**2}, as RF-DETR {size} has them",
            do="name the size that it is of: rfdetr:nano@FILE, rfdetr:small@FILE or rfdetr:medium@FILE",
        )


def _config(size: str, classes: int) -> Any:
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("RF-DETR", "text")
    if size not in SIZES:
        raise BackboneError(
            f"no backbone is called 'rfdetr:{size}'",
            expected=f"one of {', '.join(f'rfdetr:{name}@FILE' for name in SIZES)}",
        )
    from transformers import AutoConfig

    encoder = AutoConfig.for_model(
        "rf_detr_dinov2",
        hidden_size=_HIDDEN,
        num_attention_heads=6,
        num_hidden_layers=max(_TAPS),
        image_size=SIZES[size].side,
        patch_size=_PATCH,
        num_windows=2,
        out_indices=list(_TAPS),
    )
    return AutoConfig.for_model(
        "rf_detr",
        backbone_config=encoder,
        num_labels=classes,
        decoder_layers=SIZES[size].layers,
        decoder_n_points=SIZES[size].points,
    )


def _model(size: str, classes: int) -> Any:
    config = _config(size, classes)
    from transformers import AutoModelForObjectDetection

    model: Any = AutoModelForObjectDetection.from_config(config)  # type: ignore[no-untyped-call]
    return model.float()


def _classes(path: Path, count: int) -> tuple[str, ...]:
    """What the outputs of a file stand for: what it says, and one that is spare; or categories of COCO by their id."""
    named = read_classes(path)
    if named and len(named) < count:
        return (*named, *[""] * (count - len(named)))
    if count != _COCO:
        return ()
    from torchvision.models._meta import _COCO_CATEGORIES

    return tuple("" if name in ("N/A", "__background__") else name for name in _COCO_CATEGORIES)
