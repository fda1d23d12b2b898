"""What turns features of tokens into tokens: the part of a language model of transformers behind its layers."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

from warmstart.model.adapters.base import seeded
from warmstart.model.adapters.filling import quiet
from warmstart.model.backbone import Backbone
from warmstart.model.text.encoder import TextEncoder
from warmstart.model.text.objective import Objective


class TokenHead(nn.Module):
    """Features of tokens (m, d) to logits (m, vocabulary), as the authors of the model wrote it.

    Where the architecture ties its last matrix to the embeddings of the input, that is the encoder's own parameter.

    Args:
        lm: a language model of transformers; its layers are taken out of it.
        encoder: the model, without a head, whose features are read.
    """

    def __init__(self, lm: Any, encoder: Any) -> None:
        super().__init__()
        self.lm = lm
        last, embeddings = lm.get_output_embeddings(), encoder.get_input_embeddings()
        setattr(lm, lm.base_model_prefix, _Given())
        if getattr(lm.config, "tie_word_embeddings", True) and last.weight.shape == embeddings.weight.shape:
            last.weight = embeddings.weight

    def forward(self, features: Tensor) -> Tensor:
        """Logits."""
        given = getattr(self.lm, self.lm.base_model_prefix)
        given.hidden = features.unsqueeze(0)
        try:
            ids = torch.zeros(given.hidden.shape[:2], dtype=torch.long, device=features.device)
            found: Tensor = self.lm(input_ids=ids, return_dict=True).logits
        finally:
            given.hidden = None
        return found[0]


class _Given(nn.Module):
    """In the place of the layers: gives features that are there already."""

    hidden: Tensor | None = None

    def forward(self, *args: Any, **options: Any) -> Any:
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=self.hidden)


def token_head(backbone: Backbone, objective: Objective, *, seed: int) -> tuple[TokenHead, bool]:
    """The head of a text backbone, and whether it came with its weights; one that did not is drawn from `seed`."""
    module = backbone.module
    assert isinstance(module, TextEncoder), "asked of models for texts alone"
    config = copy.deepcopy(module.model.config)
    kind: Any = AutoModelForMaskedLM if objective == "masked" else AutoModelForCausalLM
    with seeded(seed), quiet():
        lm = kind.from_config(config)
        came = backbone.source_weights is not None and _filled(lm, backbone.source_weights())
    return TokenHead(lm.float(), module.model), came


def _filled(lm: Any, state: Mapping[str, Tensor]) -> bool:
    """Give the part behind the layers its weights; `False`, and nothing changed, where some are not among them."""
    prefix = f"{lm.base_model_prefix}."
    with quiet():
        loaded, info = type(lm).from_pretrained(
            None, config=lm.config, state_dict=dict(state), output_loading_info=True
        )
    wanting = [*info["missing_keys"], *(str(found[0]) for found in info["mismatched_keys"])]
    if any(not name.startswith(prefix) for name in wanting):
        return False
    own = {name: tensor for name, tensor in loaded.state_dict().items() if not name.startswith(prefix)}
    lm.load_state_dict(own, strict=False)
    return True
