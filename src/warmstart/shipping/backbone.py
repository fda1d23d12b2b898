"""A backbone as a folder that any command takes: weights, and a card that says what they are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save_file

import warmstart
from warmstart.errors import BackboneError
from warmstart.files import write_json, write_text
from warmstart.model.adapters.at_file import split
from warmstart.model.adapters.written_card import NAME
from warmstart.model.backbone import THEN, Backbone
from warmstart.model.uri import Uri
from warmstart.preprocess.text import TOKENIZER, TextSpec

WEIGHTS = "weights.safetensors"
_POOLINGS = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
    "last": "pooling_mode_lasttoken",
    "max": "pooling_mode_max_tokens",
}
"""As sentence-transformers calls them."""


def leave_backbone(
    folder: Path, trained: Backbone, start: Backbone, *, parts: Sequence[str], how: str
) -> tuple[Backbone, str]:
    """A trained backbone, written with its card, as it describes itself; and its URI.

    Args:
        folder: is made.
        trained: what a run has left.
        start: what it began with.
        parts: what it was trained on, in words.
        how: what was done to it.
    """
    made = described(trained, trained_on=", ".join(parts))
    source = f"warmstart {warmstart.__version__}: {how}, from {start.card.name}"
    return made, write_backbone(folder, made, trained_on=made.card.trained_on, source=source)


def write_backbone(folder: Path, backbone: Backbone, *, trained_on: str, source: str) -> str:
    """Write the backbone into a folder, and return the URI by which it is used.

    Of a model for texts the folder has the form of the Hugging Face hub; any other is `file:`, with a `card.yaml`.

    Args:
        folder: is made.
        backbone: of which the weights are.
        trained_on: all that they were trained on.
        source: who made them and how.

    Raises:
        BackboneError: it came in a form that is not written again, such as an ONNX file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(backbone.spec, TextSpec):
        return _as_on_the_hub(folder, backbone, backbone.spec)
    uri = Uri.of(backbone.card.name)
    architecture = split(uri.name)[0] if uri.scheme == "file" else uri.path
    if uri.scheme == "onnx":
        raise BackboneError(f"weights of {backbone.card.name!r} are not written", "a backbone of another form")
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in backbone.module.state_dict().items()}
    save_file(state, folder / WEIGHTS)
    card = {
        "architecture": architecture,
        "weights": WEIGHTS,
        "licence": backbone.card.licence,
        "trained_on": trained_on,
        "source": source,
        "size": backbone.spec.size,
    }
    write_text(folder / NAME, yaml.safe_dump(card, sort_keys=False, allow_unicode=True))
    return f"file:{folder}"


def described(backbone: Backbone, *, trained_on: str) -> Backbone:
    """The backbone with a card that says what it was trained on last, after what it had seen before."""
    card, random = backbone.card, Uri.of(backbone.card.name).pretrained is False
    before = "" if random else f"{card.trained_on}{THEN}"
    return dataclasses.replace(backbone, card=dataclasses.replace(card, trained_on=before + trained_on))


def _as_on_the_hub(folder: Path, backbone: Backbone, spec: TextSpec) -> str:
    """The files that sentence-transformers writes, too: they say how features of a text are made of those of tokens."""
    model: Any = getattr(backbone.module, "model", None)
    pool: Any = getattr(backbone.module, "pool", None)
    if model is None or not hasattr(model, "save_pretrained") or pool is None:
        raise BackboneError(f"weights of {backbone.card.name!r} are not written", "a model of transformers")
    model.save_pretrained(folder)
    write_text(folder / TOKENIZER, spec.tokenizer)
    parts = ["Transformer", "Pooling", *["Normalize"] * bool(pool.normalise)]
    modules = [{"idx": k, "name": str(k), "type": f"sentence_transformers.models.{one}"} for k, one in enumerate(parts)]
    write_text(folder / "modules.json", json.dumps(modules, indent=1))
    write_json(folder / "1_Pooling" / "config.json", {_POOLINGS[pool.pooling]: True})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": spec.size})
    facts = yaml.safe_dump({"license": backbone.card.licence}, allow_unicode=True)
    write_text(folder / "README.md", f"---\n{facts}---\n{backbone.card.trained_on}\n")
    return f"hf:{folder}" if folder.is_absolute() else f"hf:./{folder.as_posix()}"
