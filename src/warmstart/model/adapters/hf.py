"""`hf:ORG/NAME`, `hf:./FOLDER`: models in the form of the Hugging Face hub, those of timm and of transformers.

Models for images are read here, those for texts by `warmstart.model.adapters.texts`.

What says the architecture, `config.json`, is the backbone's structure: a bundle is rebuilt from that alone. Nothing
that comes with the weights is executed: code beside them is left alone, and files are read as by
`warmstart.model.weights`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
from typing import Any

import timm
from timm.models import PretrainedCfg
from torch import Tensor, nn

from warmstart.errors import BackboneError, MissingExtraError
from warmstart.model.adapters import texts
from warmstart.model.adapters.base import assemble, drawn, name_in_uri, seeded, smallest_size
from warmstart.model.adapters.configuration import kept
from warmstart.model.adapters.encoders import FORMS, Encoder, Form
from warmstart.model.adapters.filling import fill, read_state
from warmstart.model.adapters.processor import PROCESSOR_FILES, image_size, processor_spec
from warmstart.model.adapters.repository import Repository
from warmstart.model.adapters.timm import spec_of
from warmstart.model.adapters.writing import published
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.preprocess.spec import PreprocessSpec

_TOWERS = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}  # of image and text, to the image tower
_OWN_TERMS = {"dinov3_vit": "dinov3-license"}  # also where the model card was not copied with the weights


class HfSupplier:
    """See `warmstart.model.adapters.base.Supplier`, and `Rebuilder`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The model without its head; the licence is that of its model card."""
        there = Repository.of(name)
        config = _config(there)
        card = BackboneCard(
            name=f"hf:{name}" if there.folder is None else f"hf:./{name_in_uri(there.folder)}",
            architecture=_architecture(config),
            source=there.origin(there.file("config.json")),
            licence=self.licence(name),
            trained_on=_words(there.facts().get("datasets")) or "unknown",
            weights_sha256="",
            parameters=0,
        )
        if not pretrained:
            of_texts = _of_texts(config)
            structure = texts.Build.of(there, config).to_bytes() if of_texts else _text(config)
            found = self.rebuild(card.name.removeprefix("hf:"), structure, seed=seed)
            return texts.read_by(found, texts.tokenizer_of(there)) if of_texts else found
        if "architecture" in config:
            module = _timm_module(config, read_state(there))
            return _finished(module, spec_of(module), card, config)
        if _of_texts(config):
            build = texts.Build.of(there, config)
            return text_backbone(there, build, card)
        form = _form(config)
        spec = processor_spec(there.repo, there.json(*PROCESSOR_FILES), config)
        if form.sized:
            config["image_size"] = spec.size
        module, state = _module(config), read_state(there)
        own = {key.removeprefix(form.within): value for key, value in state.items() if key.startswith(form.within)}
        fill(module.model, own, name)
        backbone = _finished(module, spec, card, config)
        if not form.within:
            return backbone
        weights = functools.partial(read_state, there)
        return dataclasses.replace(backbone, source_weights=weights, source_classes=_classes(there))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with the default initialisation of its library."""
        there = Repository.of(name)
        config = _config(there)
        with seeded(seed):
            return texts.Build.of(there, config).module() if _of_texts(config) else _module(config)

    def rebuild(self, name: str, structure: bytes, *, seed: int) -> Backbone:
        """The network that a configuration describes. It may have been written by anybody."""
        found = json.loads(structure)
        if "pooling" in found:
            build = texts.Build(**{**found, "config": kept(found["config"])})
            return texts.rebuilt(f"hf:{name}", build, seed=seed)
        config = kept(found)
        with seeded(seed):
            module = _module(config)
        spec = spec_of(module) if "architecture" in config else PreprocessSpec(size=image_size(config))
        card = BackboneCard(f"hf:{name}", _architecture(config), "", "", "", "", 0)
        return _finished(module, spec, drawn(card, seed), config)

    def licence(self, name: str) -> str:
        """As the model card states it; "unknown" without one."""
        there = Repository.of(name)
        facts, config = there.facts(), _config(there)
        said = _words(facts.get("license"))
        if said == "other":
            said = _words(facts.get("license_name")) or said
        own = _OWN_TERMS.get(_architecture(config), "")
        return said or own or str(config.get("pretrained_cfg", {}).get("license") or "unknown")


SUPPLIER = HfSupplier()


def text_backbone(there: Repository, build: texts.Build, card: BackboneCard) -> Backbone:
    """A text model with the weights and the tokenizer of a repository."""
    module = build.module()
    fill(module.model, texts.of_encoder(read_state(there), module.model), there.repo)
    backbone = texts.finished(module, build, texts.tokenizer_of(there), card)
    return dataclasses.replace(
        backbone, source_weights=functools.partial(read_state, there), language_head=published(there, build.config)
    )


def _of_texts(config: dict[str, Any]) -> bool:
    installed = importlib.util.find_spec("transformers") is not None
    return installed and _architecture(config) not in FORMS and texts.is_text(config)


def _text(config: dict[str, Any]) -> bytes:
    return json.dumps(config, sort_keys=True).encode()


def _finished(module: nn.Module, spec: PreprocessSpec, card: BackboneCard, config: dict[str, Any]) -> Backbone:
    cfg = getattr(module, "pretrained_cfg", None)
    fixed = bool(cfg.get("fixed_input_size")) if cfg is not None else _form(config).fixed
    smallest = spec.size if fixed else smallest_size(module, spec)
    card = dataclasses.replace(card, min_size=smallest, fixed_size=fixed)
    return dataclasses.replace(assemble(module, spec, card), structure=_text(config))


def _config(there: Repository) -> dict[str, Any]:
    """What says the architecture: `config.json`, of a model of image and text the part of the image tower."""
    there.file("config.json")
    config = there.json("config.json")
    kind = config.get("model_type")
    if "architecture" in config:
        config = {key: config[key] for key in ("architecture", "model_args", "pretrained_cfg") if key in config}
    elif kind in _TOWERS:
        config = {**config.get("vision_config", {}), "model_type": _TOWERS[kind]}
    return kept(config)


def _classes(there: Repository) -> tuple[str, ...]:
    """What the classes of its head are called, by number; empty where it does not say."""
    names = there.json("config.json").get("id2label") or {}
    return tuple(str(names.get(str(i), "")) for i in range(len(names)))


def _architecture(config: dict[str, Any]) -> str:
    return str(config.get("architecture") or config.get("model_type", "unknown"))


def _module(config: dict[str, Any]) -> nn.Module:
    """The module with random weights."""
    if "architecture" in config:
        return _timm_module(config, None)
    form = _form(config)
    from transformers import AutoBackbone, AutoConfig, AutoModel

    filled = AutoConfig.for_model(**config)
    if form.backbone:
        model = AutoBackbone.from_config(filled.backbone_config)  # type: ignore[no-untyped-call]
    else:
        model = AutoModel.from_config(filled, **form.options)  # type: ignore[no-untyped-call]
    return Encoder(model.float().eval(), form, image_size(config))


def _form(config: dict[str, Any]) -> Form:
    """How an encoder of transformers is put together, where the library is here and the encoder is known."""
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("a model of transformers", "text")
    kind = _architecture(config)
    if kind not in FORMS:
        raise BackboneError(
            f"a model of type {kind!r}",
            expected=f"timm's, one for images of transformers, of type {', '.join(FORMS)}, or one for texts",
        )
    return FORMS[kind]


def _timm_module(config: dict[str, Any], state: dict[str, Tensor] | None) -> nn.Module:
    """A model of timm; from `state`, its weights go through what timm does to weights of theirs."""
    name = config["architecture"]
    if not timm.is_model(name):
        raise BackboneError(f"timm has no model called {name!r}", do="install a newer timm")
    known = {field.name for field in dataclasses.fields(PretrainedCfg)} - {"file", "url", "hf_hub_id", "source"}
    cfg = {key: value for key, value in config.get("pretrained_cfg", {}).items() if key in known}
    module: nn.Module = timm.create_model(
        name,
        pretrained=state is not None,
        pretrained_cfg=cfg,
        pretrained_cfg_overlay={"state_dict": state, "custom_load": False},
        num_classes=0,
        **config.get("model_args", {}),
    )
    return module


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
