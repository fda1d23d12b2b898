"""`file:ARCHITECTURE@FILE`: a state dict from anywhere, in an architecture that another supplier knows.

`file:timm:resnet50@w.safetensors`; `file:w.pt` or `file:folder/` where a `card.yaml` beside the weights states the
architecture. The card may state preprocessing, licence and origin too: without it they are the architecture's own and
"unknown".
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adaptation import adapted
from warmstart.model.adapters.base import assemble, name_in_uri
from warmstart.model.adapters.written_card import NAME, classes_of, stated_series, stated_spec, weights_and_card
from warmstart.model.backbone import Backbone
from warmstart.model.reconcile import Reconciled, load_state, nearest_architecture
from warmstart.model.series.inflation import Multichannel, channels_in
from warmstart.model.uri import Uri
from warmstart.model.weights import file_sha256, read_checkpoint
from warmstart.preprocess.kinds import of_series
from warmstart.preprocess.series import SeriesSpec

_log = logging.getLogger(__name__)
_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")


class FileSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The architecture with the file's weights; its classifier, if it is one linear layer, as `source_head`."""
        architecture, place = _parts(name)
        if not pretrained:
            backbone = _architecture(architecture, place, seed)
            name = str(Uri("file", f"{architecture}@{name_in_uri(Path(place))}", pretrained=False))
            return dataclasses.replace(backbone, card=dataclasses.replace(backbone.card, name=name))
        if (Path(place) / "bundle.json").is_file():
            raise BackboneError(f"{place} is a bundle", expected="a file with weights", do=f"name it 'bundle:{place}'")
        path, card = weights_and_card(Path(place), _SUFFIXES)
        tensors = read_checkpoint(path)
        stated = architecture or card.architecture
        if not stated:
            best = nearest_architecture(tensors)
            raise BackboneError(
                f"weights file {path} does not say of which architecture its weights are",
                expected=f"`file:ARCHITECTURE@{place}`, or `architecture: ...` in a {NAME} beside it",
                do=f"the known architecture that it fits best: 'file:{best}@{place}'",
            )
        backbone = _for_channels(_architecture(stated, place, seed), tensors)
        found = load_state(backbone.module, tensors, origin=str(path), nearest=nearest_architecture)
        _log.info("%s: %s", path, found.text)
        facts = dataclasses.replace(
            backbone.card,
            name=str(Uri("file", f"{stated}@{name_in_uri(path)}", channels=Uri.of(backbone.card.name).channels)),
            source=f"{card.source + ', ' if card.source else ''}file {path.name}, sha256 {file_sha256(path)}",
            licence=card.licence,
            trained_on=card.trained_on,
        )
        series = isinstance(backbone.spec, SeriesSpec)
        spec = stated_series(of_series(backbone.spec), card) if series else stated_spec(backbone.preprocess, card)
        head = _classifier(tensors, found, backbone.out_features)
        loaded = assemble(backbone.module, spec, facts, source_head=head)
        return dataclasses.replace(loaded, source_classes=classes_of(head, card))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The architecture's own."""
        architecture, place = _parts(name)
        return _architecture(architecture, place, seed).module

    def licence(self, name: str) -> str:
        """As the card beside the file states it."""
        return weights_and_card(Path(_parts(name)[1]), _SUFFIXES)[1].licence


SUPPLIER = FileSupplier()


def _parts(name: str) -> tuple[str, str]:
    """(architecture, place); an architecture's name holds no slash and no @, so what does is a place."""
    architecture, at, place = name.partition("@")
    return (architecture, place) if at and "/" not in architecture else ("", name)


def _architecture(uri: str, place: str, seed: int) -> Backbone:
    from warmstart.model.catalog import load_backbone  # the catalog knows of this supplier

    if not uri:
        raise BackboneError(
            f"'file:{place}' does not say which architecture to build",
            expected=f"'file:ARCHITECTURE@{place}'",
            do="name it: `warmstart backbones` lists them",
        )
    return load_backbone(uri, pretrained=False, seed=seed)


def _for_channels(backbone: Backbone, tensors: Mapping[str, Tensor]) -> Backbone:
    """The architecture for as many channels as the weights were trained on, where it reads series of any number."""
    module = backbone.module
    channels = channels_in(module, tensors) if isinstance(module, Multichannel) else None
    return backbone if channels is None else adapted(backbone, Uri("file", channels=channels), drawn=0)


def _classifier(tensors: Mapping[str, Tensor], found: Reconciled, features: int) -> nn.Linear | None:
    """The linear layer on the pooled features among what the file has more; `None` unless there is exactly one."""
    weights = [
        name
        for name in found.unexpected
        if name.endswith(".weight") and tensors[name].ndim == 2 and tensors[name].shape[1] == features
    ]
    biased = [name for name in weights if f"{name.removesuffix('weight')}bias" in tensors]
    if len(biased) != 1:
        return None
    weight, bias = tensors[biased[0]], tensors[f"{biased[0].removesuffix('weight')}bias"]
    head = nn.Linear(features, len(weight))
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
    return head.eval().requires_grad_(False)
