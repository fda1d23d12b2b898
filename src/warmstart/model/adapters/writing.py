"""Backbones of models that write, and the heads that go with them."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import seeded
from warmstart.model.adapters.texts import pooled
from warmstart.model.backbone import Backbone
from warmstart.model.head import build_head
from warmstart.model.text.language import LanguageHead, form_of
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.text import TextSpec

_WRITES = "a model that writes: one like GPT-2 or Llama, or one with a decoder like T5 or BART"
_NAME_ONE = "name one with --backbone, such as hf:openai-community/gpt2, hf:google-t5/t5-small, or hf:./FOLDER"


def writer(backbone: Backbone) -> tuple[Backbone, LanguageHead]:
    """The backbone with features of every token, reading texts as its head is to continue them; and the head.

    The head has the weights that the model was published with; those of a backbone with random weights are random. The
    backbone shares its modules with the one given.

    Raises:
        BackboneError: it does not write, or has no token that ends a text.
    """
    card, config = backbone.card, _config(backbone)
    form = form_of(config) if config else None
    if form is None:
        raise BackboneError(f"{card.name} ({card.architecture}) writes no texts", _WRITES, _NAME_ONE)
    make = backbone.language_head or drawn_head(config, 0)
    head = make()
    end = _end(head.lm.config)
    if not 0 <= end < head.vocabulary:
        raise BackboneError(
            f"{card.name} has no token that ends a text: eos_token_id is {end} of {head.vocabulary} tokens",
            expected="an eos_token_id in its config.json",
            do="write the number of one of its tokens there",
        )
    backbone = pooled(backbone, "none")
    spec = dataclasses.replace(of_texts(backbone.spec), writes=form, end=end)
    return dataclasses.replace(backbone, spec=spec), head


def drawn_head(config: dict[str, Any], seed: int) -> Callable[[], LanguageHead]:
    """What makes the head of a model with this `config.json`, its weights drawn from `seed`."""
    return functools.partial(_drawn, config, seed)


def _drawn(config: dict[str, Any], seed: int) -> LanguageHead:
    with seeded(seed):
        head = build_head({"kind": form_of(config), "model": config})
    assert isinstance(head, LanguageHead), "a form is the kind of a head that writes"
    return head


def _config(backbone: Backbone) -> dict[str, Any]:
    """The `config.json` that the backbone is built from; empty for one that is no model of transformers for texts."""
    structure = backbone.structure if isinstance(backbone.spec, TextSpec) else b""
    found: dict[str, Any] = json.loads(structure or b"{}").get("config", {})
    return found


def _end(config: Any) -> int:
    found = config.get_text_config(decoder=True).eos_token_id
    found = found[0] if isinstance(found, list) else found
    return -1 if found is None else int(found)
