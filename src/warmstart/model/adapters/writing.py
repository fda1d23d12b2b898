"""Backbones of models that write, and the heads that go with them."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import seeded
from warmstart.model.adapters.filling import fill, read_state
from warmstart.model.adapters.repository import Repository
from warmstart.model.adapters.texts import pooled
from warmstart.model.backbone import Backbone
from warmstart.model.head import build_head
from warmstart.model.text.language import CausalHead, LanguageHead, Seq2SeqHead, form_of, language_model
from warmstart.preprocess.text import TextSpec

_WRITES = "a model that writes: one like GPT-2 or Llama, or one with a decoder like T5 or BART"
_NAME_ONE = "name one with --backbone, such as hf:openai-community/gpt2, hf:google-t5/t5-small, or hf:./FOLDER"


def writing(backbone: Backbone) -> Backbone:
    """The backbone with features of every token, and texts read as a head that writes is to continue them.

    It shares its modules with the one given; of one that writes already, nothing changes.

    Raises:
        BackboneError: it does not write, or has no token that ends a text.
    """
    card, spec, config = backbone.card, backbone.spec, _config(backbone)
    form = form_of(config) if config else None
    if form is None or not isinstance(spec, TextSpec):
        raise BackboneError(f"{card.name} ({card.architecture}) writes no texts", _WRITES, _NAME_ONE)
    end, tokens = _end(config)
    if not 0 <= end < tokens:
        raise BackboneError(
            f"{card.name} has no token that ends a text: eos_token_id is {end} of {tokens} tokens",
            expected="an eos_token_id in its config.json",
            do="write the number of one of its tokens there",
        )
    return dataclasses.replace(pooled(backbone, "none"), spec=dataclasses.replace(spec, writes=form, end=end))


def language_head(backbone: Backbone, *, seed: int = 0) -> LanguageHead:
    """A head that writes on the features of `writing(backbone)`, with the weights that came with the backbone; of one
    with random weights drawn from `seed`.
    """
    if backbone.language_head is not None:
        return backbone.language_head()
    config = _config(backbone)
    with seeded(seed):
        head = build_head({"kind": form_of(config), "model": config})
    assert isinstance(head, LanguageHead), "a form is the kind of a head that writes"
    return head


def published(there: Repository, config: dict[str, Any]) -> Callable[[], LanguageHead]:
    """What gives copies of the head of the language model in a repository, which is read when it is first asked for."""

    @functools.cache
    def read() -> LanguageHead:
        lm = language_model(config)
        fill(lm, read_state(there), there.repo)
        return Seq2SeqHead(config, lm) if form_of(config) == "seq2seq" else CausalHead(config, lm)

    return lambda: copy.deepcopy(read())


def _config(backbone: Backbone) -> dict[str, Any]:
    """The `config.json` that the backbone is built from; empty for one that is no model of transformers for texts."""
    structure = backbone.structure if isinstance(backbone.spec, TextSpec) else b""
    found: dict[str, Any] = json.loads(structure or b"{}").get("config", {})
    return found


def _end(config: dict[str, Any]) -> tuple[int, int]:
    """The token that ends a text, -1 for none, and how many tokens there are."""
    from transformers import AutoConfig

    filled = AutoConfig.for_model(**config).get_text_config(decoder=True)
    found = filled.eos_token_id
    found = found[0] if isinstance(found, list) else found
    return -1 if found is None else int(found), int(filled.vocab_size)
