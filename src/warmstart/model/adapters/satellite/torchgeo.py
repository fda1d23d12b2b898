"""`torchgeo:ResNet50_Weights.SENTINEL2_ALL_MOCO`: weight entries of torchgeo, by the name its `get_weight` takes.

Those of residual networks and vision transformers, which are timm's own in torchgeo. Written against torchgeo's
documentation and tested with a stand-in for the package alone; weights are downloaded once, to torch's hub cache.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import nn

from warmstart.errors import BackboneError, MissingExtraError, nearest
from warmstart.model import hub
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.adapters.satellite.files import fill
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.preprocess.choosing import canonical
from warmstart.preprocess.spec import PreprocessSpec

FAMILIES = ("resnet", "vit_")
_REFLECTANCE = 10_000.0


class TorchGeoSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network of an entry, with the preprocessing and the bands that torchgeo states.

        Raises:
            BackboneError: there is no such entry, or its weights are not here and may not or cannot be fetched.
            MissingExtraError: torchgeo is not installed.
        """
        entry = _entry(name)
        module, spec = self.untrained(name, seed=seed), specification(entry)
        card = BackboneCard(
            name=f"torchgeo:{name}",
            architecture=_architecture(entry),
            source=str(entry.url),
            licence=_licence(entry),
            trained_on=str(entry.meta.get("dataset", "unknown")),
            weights_sha256="",
            parameters=0,
            min_size=spec.size if _architecture(entry).startswith("vit_") else 32,
            fixed_size=_architecture(entry).startswith("vit_"),
        )
        if not pretrained:
            return assemble(module, spec, drawn(card, seed))
        fill(module, _state(entry, name), str(entry.url))
        return assemble(module, spec, card)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The network with timm's default initialisation."""
        entry = _entry(name)
        with seeded(seed):
            module: nn.Module = _models().get_model(
                _architecture(entry), in_chans=entry.meta["in_chans"], num_classes=0
            )
        return module

    def licence(self, name: str) -> str:
        """As the entry states it."""
        return _licence(_entry(name))


SUPPLIER = TorchGeoSupplier()


def _licence(entry: Any) -> str:
    return str(entry.meta.get("license", "unknown"))


def specification(entry: Any) -> PreprocessSpec:
    """The preprocessing of an entry, from its kornia transforms: resize, crop, and one or more normalisations."""
    channels, bands = int(entry.meta["in_chans"]), tuple(canonical(str(b)) for b in entry.meta.get("bands", ()))
    mean, std = torch.zeros(channels), torch.ones(channels)
    sides: dict[str, float] = {}
    for step in entry.transforms.modules():
        kind, flags = type(step).__name__, getattr(step, "flags", {})
        if kind == "Normalize":  # of what the ones before it gave
            mean, std = mean + std * torch.as_tensor(flags["mean"]), std * torch.as_tensor(flags["std"])
        elif kind in ("Resize", "CenterCrop"):
            size = flags["size"]
            sides[kind] = size if isinstance(size, int) else size[0]
    scale = _REFLECTANCE if "B8A" in bands else 255.0  # of 8-bit pixels, or of reflectance; mean and std follow
    size = int(sides.get("CenterCrop", sides.get("Resize", 224)))
    return PreprocessSpec(
        size=size,
        crop_pct=size / sides.get("Resize", size),
        interpolation="bilinear",
        mean=tuple((mean / scale).tolist()),
        std=tuple((std / scale).tolist()),
        channels=channels,
        bands=bands,
        scale=scale,
    )


def _models() -> Any:
    try:
        return importlib.import_module("torchgeo.models")
    except ImportError as error:
        raise MissingExtraError("a backbone of torchgeo", "geo") from error


def _entry(name: str) -> Any:
    models = _models()
    try:
        entry = models.get_weight(name)
    except ValueError as error:
        every = [str(entry) for kind in _weights(models).values() for entry in kind]
        raise BackboneError(f"torchgeo has no weights {name!r}", do=f"the nearest: {nearest(name, every)}") from error
    if not _architecture(entry).startswith(FAMILIES):
        raise BackboneError(
            f"torchgeo's {name!r} is a {_architecture(entry)}", expected="a residual network or a vision transformer"
        )
    return entry


def _architecture(entry: Any) -> str:
    """The name under which torchgeo builds the network of an entry; what `meta` says is wrong for some."""
    return next(name for name, kind in _weights(_models()).items() if isinstance(entry, kind))


def _weights(models: Any) -> dict[str, Any]:
    found = {}
    for name in models.list_models():
        try:
            found[name] = models.get_model_weights(name)
        except KeyError:  # a network without weights
            continue
    return found


def _state(entry: Any, name: str) -> dict[str, Any]:
    file = hub.checkpoint(str(entry.url))
    if (why := hub.offline()) and not file.is_file():
        raise BackboneError(
            f"the weights of {name!r} are not on this machine, and {why}",
            expected=f"{entry.url} at {file}",
            do=f"copy them there; or 'torchgeo:{name}?pretrained=false' for random weights",
        )
    try:
        state: dict[str, Any] = entry.get_state_dict(progress=False, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BackboneError(f"the weights of {name!r} could not be read from {entry.url}: {error}") from error
    return state
