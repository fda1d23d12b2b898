"""`ssl4eo:ARCHITECTURE@FILE`: residual networks pretrained without labels on the 13 bands of SSL4EO-S12.

The files are full checkpoints of the authors' programs or their backbones alone: MoCo v2's query encoder, or DINO's
teacher (Wang et al. 2023, https://github.com/zhu-xlab/SSL4EO-S12). They were trained on top-of-atmosphere reflectance
(level 1C) over 10000, without mean or deviation.
"""

from __future__ import annotations

import dataclasses

import timm
from torch import nn

from warmstart.model.adapters.at_file import called
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.adapters.satellite.files import fill, parted, tensors_of
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.sentinel2 import SENTINEL2
from warmstart.preprocess.spec import PreprocessSpec

ARCHITECTURES = ("resnet18-moco", "resnet50-moco", "resnet50-dino")
NETWORKS = ("teacher.", "state_dict.module.encoder_q.", "module.encoder_q.")
"""DINO's teacher is a mean of its student under the same names, and MoCo's key encoder one of its query encoder."""
SPEC = PreprocessSpec(
    size=224,
    interpolation="bilinear",
    mean=(0.0,) * len(SENTINEL2),
    std=(1.0,) * len(SENTINEL2),
    channels=len(SENTINEL2),
    bands=SENTINEL2,
    scale=10_000.0,
)
_LICENCE = "CC-BY-4.0"


class SSL4EOSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The encoder of a checkpoint.

        Raises:
            BackboneError: there is no such architecture or file, or they do not fit each other.
        """
        architecture, file = parted("ssl4eo", name, ARCHITECTURES)
        card = _card(architecture, file)
        if not pretrained:
            return assemble(self.untrained(name, seed=seed), SPEC, drawn(card, seed))
        tensors = tensors_of(f"ssl4eo:{architecture}", file, NETWORKS)
        module = self.untrained(name, seed=seed)
        done = fill(module, tensors, file)
        return assemble(module, SPEC, dataclasses.replace(card, source=f"{card.source}; {done}"))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The network of 13 channels with its default initialisation."""
        network = parted("ssl4eo", name, ARCHITECTURES)[0].partition("-")[0]
        with seeded(seed):
            module: nn.Module = timm.create_model(network, in_chans=SPEC.channels, num_classes=0)
        return module

    def licence(self, name: str) -> str:
        """As the authors' page states it."""
        return _LICENCE


SUPPLIER = SSL4EOSupplier()


def _card(architecture: str, file: str) -> BackboneCard:
    return BackboneCard(
        name=called("ssl4eo", architecture, file),
        architecture=architecture.partition("-")[0],
        source="a checkpoint of SSL4EO-S12, https://github.com/zhu-xlab/SSL4EO-S12",
        licence=_LICENCE,
        trained_on="SSL4EO-S12 (Sentinel-2, level 1C)",
        weights_sha256="",
        parameters=0,
    )
