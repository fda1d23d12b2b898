"""Every backbone by its URI: `lite0`, `resnet50`, `timm:NAME`. A new supplier: a file in `adapters/`, a line here.

Listing must not wait for torch, so nothing that needs it is imported before a backbone is loaded. What is listed is in
`warmstart.model.table`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from warmstart.errors import BackboneError, nearest
from warmstart.model.licence import check_licence
from warmstart.model.table import aliases, rows
from warmstart.model.uri import Uri
from warmstart.registry import Registry

if TYPE_CHECKING:
    from torch import nn

    from warmstart.model.adapters.base import Rebuilder, Supplier
    from warmstart.model.backbone import Backbone

backbones: Registry[Supplier] = Registry("backbone", BackboneError)
"""Suppliers by URI scheme."""
backbones.add("lite0", "warmstart.model.adapters.embedded:LITE0")
backbones.add("lite1", "warmstart.model.adapters.embedded:LITE1")
backbones.add("lite2", "warmstart.model.adapters.embedded:LITE2")
backbones.add("file", "warmstart.model.adapters.file:SUPPLIER")
backbones.add("bundle", "warmstart.shipping.source:SUPPLIER")
backbones.add("onnx", "warmstart.model.adapters.onnx:SUPPLIER")
backbones.add("satmae", "warmstart.model.adapters.satellite.satmae:SUPPLIER")
backbones.add("ssl4eo", "warmstart.model.adapters.satellite.ssl4eo:SUPPLIER")
backbones.add("timm", "warmstart.model.adapters.timm:SUPPLIER")
backbones.add("keras", "warmstart.model.adapters.keras:SUPPLIER")
backbones.add("radimagenet", "warmstart.model.adapters.radimagenet:SUPPLIER")
backbones.add("torchgeo", "warmstart.model.adapters.satellite.torchgeo:SUPPLIER")
backbones.add("torchvision", "warmstart.model.adapters.torchvision:SUPPLIER")
backbones.add("hf", "warmstart.model.adapters.hf:SUPPLIER")
backbones.add("libreyolo", "warmstart.model.adapters.libreyolo:SUPPLIER")
backbones.add("rfdetr", "warmstart.model.adapters.rfdetr:SUPPLIER")
backbones.add("minilm", "warmstart.model.adapters.minilm:SUPPLIER")
backbones.add("series", "warmstart.model.adapters.series:SUPPLIER")
backbones.add("fcn1d", "warmstart.model.adapters.convolutional:FCN1D")
backbones.add("resnet1d", "warmstart.model.adapters.convolutional:RESNET1D")
backbones.add("mantis", "warmstart.model.adapters.foundation:MANTIS")
backbones.add("moment", "warmstart.model.adapters.foundation:MOMENT")
backbones.add("chronos", "warmstart.model.adapters.foundation:CHRONOS")
backbones.add("inceptiontime", "warmstart.model.adapters.convolutional:INCEPTIONTIME")
backbones.add("minirocket", "warmstart.model.adapters.minirocket:SUPPLIER")
backbones.add("toy", "warmstart.model.adapters.toy:IMAGES")
backbones.add("toy_series", "warmstart.model.adapters.toy:SERIES")


def load_backbone(
    uri: str, *, pretrained: bool = True, seed: int = 0, structure: bytes = b"", accept_licence: bool = False
) -> Backbone:
    """Load a backbone, in eval mode, on the CPU.

    Args:
        uri: `lite0` (installed with the package), `toy`, a plain name such as `resnet50`, `timm:NAME`,
            `torchvision:NAME`, `hf:ORG/NAME`, or weights in a file, such as `file:ARCHITECTURE@FILE`, or in a
            bundle that a run has made, `bundle:FOLDER`;
            `?pretrained=false` behind it asks for random weights by name, `?channels=4` or `?bands=B02,B03,B04,B08` for
            other inputs, with `&inflate=mean` for a mean where channels are repeated by default
            (`warmstart.model.bands`), `?size=160` for another input side,
            `?taps=3` for features of the three blocks before the last too (`warmstart.model.taps`), and, of a model for
            texts, `?pooling=cls` for another pooling than the weights were trained with, or `none` for features of
            every token.
        pretrained: `False` draws the weights from `seed` by the architecture's default initialisation.
        seed: of the random weights.
        structure: `Backbone.structure` of one that was loaded before: it is built again, with random weights.
        accept_licence: your use keeps to the licence of the weights, also where that forbids commercial use. The card
            records it.

    Raises:
        BackboneError: there is no such backbone, or its weights are not on this machine, or not what they should be, or
            it cannot be made to take such inputs.
        LicenceError: the licence of the weights restricts their use, and was not accepted.

    >>> load_backbone("toy").card.architecture
    'toy'
    """
    from warmstart.model.adaptation import adapted
    from warmstart.model.adapters.base import seeded
    from warmstart.model.adapters.texts import pooled
    from warmstart.model.taps import tapped

    wanted = resolve(Uri.of(uri))
    supplier, pretrained = _supplier(wanted), pretrained and wanted.pretrained and not structure
    accepted = pretrained and check_licence(supplier.licence(wanted.name), wanted.path, accepted=accept_licence)
    with seeded(seed):  # building draws weights even where they are read from a file afterwards
        if structure:
            backbone = _rebuilder(wanted).rebuild(wanted.name, structure, seed=seed)
        else:
            backbone = supplier.load(wanted.name, pretrained=pretrained, seed=seed)
    backbone.card = dataclasses.replace(backbone.card, licence_accepted=accepted)
    random = not (pretrained and Uri.of(backbone.card.name).pretrained)  # nobody publishes weights of some networks
    backbone = adapted(backbone, wanted, drawn=seed if random else None)
    return tapped(backbone if wanted.pooling is None else pooled(backbone, wanted.pooling), wanted.taps or 0)


def untrained_module(uri: str, *, seed: int, structure: bytes = b"") -> nn.Module:
    """The module of a backbone with the architecture's default initialisation, drawn from `seed` alone."""
    wanted = resolve(Uri.of(uri))
    if wanted.channels or wanted.bands or wanted.size or wanted.pooling:  # made of a whole backbone, not of a module
        untapped = str(dataclasses.replace(wanted, taps=None))
        return load_backbone(untapped, pretrained=False, seed=seed, structure=structure).module
    if structure:
        return _rebuilder(wanted).rebuild(wanted.name, structure, seed=seed).module
    return _supplier(wanted).untrained(wanted.name, seed=seed)


def resolve(uri: Uri) -> Uri:
    """The URI that a plain name stands for; any other as it is.

    >>> str(resolve(Uri.of("resnet50?taps=2")))
    'timm:resnet50.a1_in1k?taps=2'
    """
    known = aliases()
    if uri.name or uri.scheme not in known:
        return uri
    scheme, _, name = known[uri.scheme].partition(":")
    return dataclasses.replace(uri, scheme=scheme, name=name)


def list_backbones() -> list[dict[str, Any]]:
    """What can be asked for, in rows with the keys of `warmstart.model.table.Row`; loads nothing.

    >>> [row["name"] for row in list_backbones() if row["name"].startswith("lite")]
    ['lite0', 'lite1', 'lite2', 'lite3', 'lite4']
    """
    return [row.to_dict() for row in rows()]


def _supplier(uri: Uri) -> Supplier:
    if uri.scheme in backbones:
        return backbones[uri.scheme]
    import timm

    known = [*backbones, *aliases()]
    if not uri.name and timm.is_model(uri.scheme):
        raise BackboneError(f"no backbone is called {str(uri)!r}", do=f"timm has a model of this name: 'timm:{uri}'")
    raise BackboneError(
        f"no backbone is called {str(uri)!r}",
        expected="a name that `warmstart backbones` lists, or timm:NAME, torchvision:NAME, hf:ORG/NAME",
        do=f"the nearest: {nearest(uri.scheme, known)}",
    )


def _rebuilder(uri: Uri) -> Rebuilder:
    from warmstart.model.adapters.base import Rebuilder

    supplier = _supplier(uri)
    if not isinstance(supplier, Rebuilder):
        raise BackboneError(f"{str(uri)!r} is not built from a stored structure", do="copy the bundle again")
    return supplier
