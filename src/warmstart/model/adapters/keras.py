"""`keras:ARCHITECTURE@FILE`: a network of `keras.applications` with the weights of a file.

The file is one that Keras saved: legacy `.h5` or `.weights.h5`, with or without the top. It is not needed for random
weights: `keras:ARCHITECTURE?pretrained=false`. The features are those of the network without top, averaged over all
positions; for VGG this leaves out both hidden dense layers.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, drawn, name_in_uri, seeded
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.keras.architectures import architecture
from warmstart.model.keras.loading import load
from warmstart.model.weights import file_sha256


class KerasSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network; its classifier is `source_head` where the file has one on the pooled features.

        Raises:
            BackboneError: no such architecture, no file, or one that does not fit; the first mismatch is named.
            MissingExtraError: h5py is not installed.
        """
        wanted, file = split(name)
        chosen = architecture(wanted)
        card = BackboneCard(called("keras", name), wanted, "", "unknown", "unknown", "", 0, chosen.min_size)
        if not pretrained:
            return assemble(self.untrained(name, seed=seed), chosen.preprocess, drawn(card, seed))
        path = existing(file, f"keras:{wanted}")
        module, head = load(wanted, path, bgr=chosen.reads_bgr)
        card = dataclasses.replace(card, source=f"Keras weights file {path.name}, sha256 {file_sha256(path)}")
        return with_head(assemble(module, chosen.preprocess, card), head)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The network with Keras' default initialisation."""
        with seeded(seed):
            return architecture(split(name)[0]).build()

    def licence(self, name: str) -> str:
        """Unknown: such a file states none."""
        return "unknown"


SUPPLIER = KerasSupplier()


def split(name: str) -> tuple[str, str]:
    """Architecture and file, which is empty where there is none.

    >>> split("resnet50@weights/best.h5"), split("vgg16")
    (('resnet50', 'weights/best.h5'), ('vgg16', ''))
    """
    wanted, _, file = name.partition("@")
    return wanted, file


def called(scheme: str, name: str) -> str:
    """The URI for the card: of the file its name alone, as its folder means nothing elsewhere.

    >>> called("keras", "resnet50@weights/best.h5")
    'keras:resnet50@best.h5'
    """
    wanted, file = split(name)
    return f"{scheme}:{wanted}@{name_in_uri(Path(file))}" if file else f"{scheme}:{wanted}"


def existing(file: str, uri: str) -> Path:
    """The path of a file that pretrained weights are to come from.

    Raises:
        BackboneError: none is named.
    """
    if not file:
        raise BackboneError(
            f"backbone {uri!r} names no file with its weights",
            expected=f"{uri}@FILE",
            do=f"name the file behind an @, or use '{uri}?pretrained=false' for random weights",
        )
    return Path(file).expanduser()


def with_head(backbone: Backbone, head: nn.Linear | None) -> Backbone:
    """The backbone with `head` as its classifier, if that reads as many features as there are."""
    fits = head is not None and head.in_features == backbone.out_features
    return dataclasses.replace(backbone, source_head=head) if fits else backbone
