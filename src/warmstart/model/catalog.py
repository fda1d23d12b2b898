"""Every backbone by its URI: `lite0`, `toy`, `timm:NAME`. A new supplier: one file in `adapters/`, one line here."""

from __future__ import annotations

import dataclasses

import timm
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.adaptation import adapted
from warmstart.model.adapters.base import Rebuilder, Supplier, seeded
from warmstart.model.backbone import Backbone
from warmstart.model.taps import tapped
from warmstart.model.uri import Uri
from warmstart.registry import Registry

backbones: Registry[Supplier] = Registry("backbone", BackboneError)
"""Suppliers by URI scheme."""
backbones.add("lite0", "warmstart.model.adapters.embedded:LITE0")
backbones.add("file", "warmstart.model.adapters.file:SUPPLIER")
backbones.add("onnx", "warmstart.model.adapters.onnx:SUPPLIER")
backbones.add("satmae", "warmstart.model.adapters.satellite.satmae:SUPPLIER")
backbones.add("ssl4eo", "warmstart.model.adapters.satellite.ssl4eo:SUPPLIER")
backbones.add("timm", "warmstart.model.adapters.timm:SUPPLIER")
backbones.add("keras", "warmstart.model.adapters.keras:SUPPLIER")
backbones.add("radimagenet", "warmstart.model.adapters.radimagenet:SUPPLIER")
backbones.add("torchgeo", "warmstart.model.adapters.satellite.torchgeo:SUPPLIER")
backbones.add("toy", "warmstart.model.adapters.toy:SUPPLIER")


def load_backbone(uri: str, *, pretrained: bool = True, seed: int = 0, structure: bytes = b"") -> Backbone:
    """Load a backbone, in eval mode, on the CPU.

    Args:
        uri: `lite0` (installed with the package), `toy`, or `timm:NAME`; `?pretrained=false` behind it asks for random
            weights by name, `?channels=4` or `?bands=B02,B03,B04,B08` for other inputs, with `&inflate=mean` for a mean
            where channels are repeated by default (`warmstart.model.bands`), `?size=160` for another input side, and
            `?taps=3` for features of the three blocks before the last too (`warmstart.model.taps`).
        pretrained: `False` draws the weights from `seed` by the architecture's default initialisation.
        seed: of the random weights.
        structure: `Backbone.structure` of one that was loaded before: it is built again, with random weights.

    Raises:
        BackboneError: there is no such backbone, or its weights are not on this machine, or not what they should be, or
            it cannot be made to take such inputs.

    >>> load_backbone("toy").card.architecture
    'toy'
    """
    wanted = Uri.of(uri)
    pretrained = pretrained and wanted.pretrained and not structure
    with seeded(seed):  # building draws weights even where they are read from a file afterwards
        if structure:
            backbone = _rebuilder(wanted).rebuild(wanted.name, structure, seed=seed)
        else:
            backbone = _supplier(wanted).load(wanted.name, pretrained=pretrained, seed=seed)
    return tapped(adapted(backbone, wanted, drawn=None if pretrained else seed), wanted.taps or 0)


def untrained_module(uri: str, *, seed: int, structure: bytes = b"") -> nn.Module:
    """The module of a backbone with the architecture's default initialisation, drawn from `seed` alone."""
    wanted = Uri.of(uri)
    if wanted.channels or wanted.bands or wanted.size:  # what these make of it depends on its preprocessing and card
        untapped = str(dataclasses.replace(wanted, taps=None))
        return load_backbone(untapped, pretrained=False, seed=seed, structure=structure).module
    if structure:
        return _rebuilder(wanted).rebuild(wanted.name, structure, seed=seed).module
    return _supplier(wanted).untrained(wanted.name, seed=seed)


def list_backbones() -> list[dict[str, str | int]]:
    """What can be asked for, in rows with keys of `BackboneCard`; loads nothing.

    >>> {"lite0", "toy"} <= {row["name"] for row in list_backbones()}
    True
    """
    return [row for scheme in backbones for row in backbones[scheme].listing()]


def _supplier(uri: Uri) -> Supplier:
    if uri.scheme not in backbones and not uri.name and timm.is_model(uri.scheme):
        raise BackboneError(f"no backbone is called {str(uri)!r}", do=f"timm has a model of this name: 'timm:{uri}'")
    return backbones[uri.scheme]


def _rebuilder(uri: Uri) -> Rebuilder:
    supplier = _supplier(uri)
    if not isinstance(supplier, Rebuilder):
        raise BackboneError(f"{str(uri)!r} is not built from a stored structure", do="copy the bundle again")
    return supplier
