"""`timm:NAME`: any image model of timm, with its published weights or with random ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import timm
from huggingface_hub import constants
from timm.data.config import resolve_data_config
from timm.models import get_pretrained_cfg
from torch import nn

from warmstart.errors import BackboneError, nearest
from warmstart.model.adapters.base import assemble, drawn, seeded, smallest_size
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.preprocess.spec import PreprocessSpec, ResizeMode

_PROBE_SECONDS = 5.0
_RESIZE: dict[str, ResizeMode] = {"center": "shortest", "squash": "squash", "border": "pad"}
_FILES = ("model.safetensors", "pytorch_model.bin")  # as timm looks for them


class TimmSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The model without its classifier, with preprocessing and licence as timm states them for its weights."""
        cfg = _cfg(name)
        module = _pretrained(name, cfg) if pretrained else self.untrained(name, seed=seed)
        spec = _spec(module)
        fixed = bool(cfg is not None and cfg.fixed_input_size)
        card = BackboneCard(
            name=f"timm:{name}",
            architecture=name.partition(".")[0],
            source=f"timm {timm.__version__}, {_origin(cfg)}",
            licence=str((cfg and cfg.license) or "unknown"),
            trained_on=str((cfg and cfg.tag) or "unknown"),
            weights_sha256="",
            parameters=0,
            min_size=spec.size if fixed else smallest_size(module, spec),
            fixed_size=fixed,
        )
        return assemble(module, spec, card if pretrained else drawn(card, seed))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with timm's default initialisation."""
        _cfg(name)
        with seeded(seed):
            module: nn.Module = timm.create_model(name, num_classes=0)
        return module

    def listing(self) -> list[dict[str, str | int]]:
        """One row for all of them."""
        return [
            {
                "name": "timm:NAME",
                "architecture": "any",
                "source": f"timm {timm.__version__}: downloads weights once; random ones need no network",
                "licence": "of each model",
                "trained_on": "of each model",
            }
        ]


SUPPLIER = TimmSupplier()


def _cfg(name: str) -> Any:
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


def _pretrained(name: str, cfg: Any) -> nn.Module:
    """The module with its weights, from this machine if they are there, else from the hub."""
    if cfg is None or not cfg.has_weights:
        raise BackboneError(
            f"timm has no weights for {name!r}",
            do=f"the nearest that have: {nearest(name, timm.list_pretrained())}; or 'timm:{name}?pretrained=false'",
        )
    overlay = {}
    try:
        if cfg.hf_hub_id and not cfg.custom_load:
            # A file is handed over, as timm would ask the hub even for weights that are here, and wait for the answer.
            overlay = {"file": str(_weights_file(cfg.hf_hub_id))}
        module: nn.Module = timm.create_model(name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
    except OSError as error:  # the network, or the disk
        raise _unavailable(name, str(cfg.hf_hub_id or cfg.url), str(error)) from error
    return module


def _weights_file(repo: str) -> Path:
    """The weights in the hub's cache on this machine, downloaded if need be. Raises an `OSError` if that fails."""
    for file in _FILES:
        cached = huggingface_hub.try_to_load_from_cache(repo, file)
        if isinstance(cached, str):
            return Path(cached)
    if constants.HF_HUB_OFFLINE:
        raise OSError("HF_HUB_OFFLINE is set")
    _probe()
    for file in _FILES[:-1]:
        if huggingface_hub.file_exists(repo, file):
            return Path(huggingface_hub.hf_hub_download(repo, file))
    return Path(huggingface_hub.hf_hub_download(repo, _FILES[-1]))


def _probe() -> None:
    """Ask the hub for anything once: its own client tries five times, for most of a minute, before it gives up."""
    try:
        huggingface_hub.get_session().head(constants.ENDPOINT, timeout=_PROBE_SECONDS)
    except Exception as error:  # which HTTP library it uses, and so which errors, depends on its version
        raise OSError(f"{constants.ENDPOINT} does not answer: {error}") from error


def _unavailable(name: str, origin: str, why: str) -> BackboneError:
    cache = constants.HF_HUB_CACHE
    return BackboneError(
        f"the weights of {name!r} are not on this machine and could not be fetched ({why})",
        expected=f"{origin} in the cache of the Hugging Face hub, or a network to fetch it",
        do=f"on a machine with a network run `hf download {origin}` and copy its cache folder here, to {cache}; "
        f"or use 'lite0', which is installed; or 'timm:{name}?pretrained=false' for random weights",
    )


def _spec(module: nn.Module) -> PreprocessSpec:
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
