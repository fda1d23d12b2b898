"""`timm:NAME`: any image model of timm, with its published weights or with random ones."""

from __future__ import annotations

from typing import Any

import timm
from huggingface_hub import constants
from timm.data.config import resolve_data_config
from timm.models import get_pretrained_cfg
from torch import nn

from warmstart.errors import BackboneError, nearest
from warmstart.model import hub
from warmstart.model.adapters.base import assemble, drawn, seeded, smallest_size
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.table import HUB_FILES
from warmstart.preprocess.spec import PreprocessSpec, ResizeMode

_RESIZE: dict[str, ResizeMode] = {"center": "shortest", "squash": "squash", "border": "pad"}
_DATA = {
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-21k",
    "jft": "JFT-300M (pseudo-labels)",
    "lvd142m": "LVD-142M (no labels)",
    "lvd1689m": "LVD-1689M (no labels)",
    "openai": "OpenAI's 400 million images with texts",
    "laion2b": "LAION-2B",
    "webli": "WebLI",
}
"""Data sets, by how timm abbreviates them in the tags of weights."""


class TimmSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The model without its classifier, with preprocessing and licence as timm states them for its weights."""
        cfg = config_of(name)
        module = _pretrained(name, cfg) if pretrained else self.untrained(name, seed=seed)
        spec = spec_of(module)
        fixed = bool(cfg is not None and cfg.fixed_input_size)
        card = BackboneCard(
            name=f"timm:{name}",
            architecture=name.partition(".")[0],
            source=f"timm {timm.__version__}, {_origin(cfg)}",
            licence=licence_of(cfg),
            trained_on=trained_on(cfg),
            weights_sha256="",
            parameters=0,
            min_size=spec.size if fixed else smallest_size(module, spec),
            fixed_size=fixed,
        )
        return assemble(module, spec, card if pretrained else drawn(card, seed))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with timm's default initialisation."""
        config_of(name)
        with seeded(seed):
            module: nn.Module = timm.create_model(name, num_classes=0)
        return module

    def licence(self, name: str) -> str:
        """As timm states it for these weights."""
        return licence_of(config_of(name))


SUPPLIER = TimmSupplier()


def config_of(name: str) -> Any:
    """What timm states about the weights of a model; `None` where it states nothing."""
    if not timm.is_model(name):
        raise BackboneError(
            f"timm has no model called {name!r}", do=f"the nearest: {nearest(name, timm.list_models())}"
        )
    try:
        return get_pretrained_cfg(name)
    except RuntimeError as error:  # an unknown tag behind the dot
        raise BackboneError(
            f"timm has no weights called {name!r}", do=f"the nearest: {nearest(name, timm.list_pretrained())}"
        ) from error


def licence_of(cfg: Any) -> str:
    """The licence of weights, as timm states it."""
    return str((cfg and cfg.license) or "unknown")


def trained_on(cfg: Any) -> str:
    """The data sets that the tag of weights names, in its order, with the tag itself."""
    tag = str((cfg and cfg.tag) or "")
    named = ", ".join(_DATA[part] for part in tag.split("_") if part in _DATA)
    return f"{named} ({tag})" if named else tag or "unknown"


def _pretrained(name: str, cfg: Any) -> nn.Module:
    """The module with its weights, from this machine if they are there, else from the hub."""
    if cfg is None or not cfg.has_weights:
        raise BackboneError(
            f"timm has no weights for {name!r}",
            do=f"the nearest that have: {nearest(name, timm.list_pretrained())}; or 'timm:{name}?pretrained=false'",
        )
    try:
        overlay = _overlay(cfg)
        module: nn.Module = timm.create_model(name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
    except OSError as error:  # the network, or the disk
        raise _unavailable(name, str(cfg.hf_hub_id or cfg.url), str(error)) from error
    return module


def _overlay(cfg: Any) -> dict[str, Any]:
    """Where timm is to take weights from: a file, as it would ask the hub even for what is here, and wait for it."""
    if cfg.hf_hub_id and cfg.custom_load != "hf":
        # Custom loading is for the format in which they were published first; those on the hub are timm's own.
        return {"file": str(hub.fetch(cfg.hf_hub_id, HUB_FILES)), "custom_load": False}
    if (why := hub.offline()) and not (cfg.url and hub.checkpoint(cfg.url).is_file()):
        raise OSError(why)
    return {}


def _unavailable(name: str, origin: str, why: str) -> BackboneError:
    cache = constants.HF_HUB_CACHE
    return BackboneError(
        f"the weights of {name!r} are not on this machine and could not be fetched ({why})",
        expected=f"{origin} in the cache of the Hugging Face hub, or a network to fetch it",
        do=f"on a machine with a network run `hf download {origin}` and copy its cache folder here, to {cache}; "
        f"or use 'lite0', which is installed; or 'timm:{name}?pretrained=false' for random weights",
    )


def spec_of(module: nn.Module) -> PreprocessSpec:
    """The preprocessing that timm states for a module of its own."""
    config = resolve_data_config({}, model=module)  # type: ignore[no-untyped-call]
    channels, _, size = config["input_size"]
    return PreprocessSpec(
        size=size,
        resize=_RESIZE[config["crop_mode"]],
        crop_pct=config["crop_pct"],
        interpolation=config["interpolation"],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        channels=channels,
    )


def _origin(cfg: Any) -> str:
    if cfg is None:
        return "no published weights"
    return f"https://huggingface.co/{cfg.hf_hub_id}" if cfg.hf_hub_id else str(cfg.url or cfg.origin_url or "unknown")
