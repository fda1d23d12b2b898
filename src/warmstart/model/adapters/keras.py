"""`keras:ARCHITECTURE@FILE`: a network of `keras.applications` with the weights of a file.

The file is one that Keras saved: legacy `.h5` or `.weights.h5`, with or without the top. It is not needed for random
weights: `keras:ARCHITECTURE?pretrained=false`. The features are those of the network without top, averaged over all
positions; for VGG this leaves out both hidden dense layers.
"""

from __future__ import annotations

import dataclasses

from torch import nn

from warmstart.model.adapters.at_file import called, existing, split
from warmstart.model.adapters.base import assemble, drawn, seeded
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
        card = BackboneCard(called("keras", wanted, file), wanted, "", "unknown", "unknown", "", 0, chosen.min_size)
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


def with_head(backbone: Backbone, head: nn.Linear | None) -> Backbone:
    """The backbone with `head` as its classifier, if that reads as many features as there are."""
    fits = head is not None and head.in_features == backbone.out_features
    return dataclasses.replace(backbone, source_head=head) if fits else backbone
