"""BERT's encoder (Devlin et al. 2019), for bundles of `minilm` to be answered by without transformers.

To import a model class of transformers takes longer than to import torch, and most of a new process's first answer.
Here are the layers of its `BertModel` under the same names, with the same operations in the same order, so that weights
fit and answers are the same bit for bit (`tests/model/text/test_bert.py`). Whoever trains a new network takes that of
transformers; what is rebuilt from a bundle is this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.model.modes import traced


def is_plain(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is of an encoder that is built here: BERT with learned positions and GELU.

    >>> is_plain({"model_type": "bert"}), is_plain({"model_type": "bert", "is_decoder": True})
    (True, False)
    """
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act", "gelu") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not any(config.get(key) for key in ("is_decoder", "add_cross_attention", "chunk_size_feed_forward"))
    )


class Bert(nn.Module):
    """Tokens (n, length) to features of each token, in a tuple of one, (n, length, d).

    Args:
        config: the `config.json` of a BERT; what it does not say is as its authors have it.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.plain = SimpleNamespace(**{**_DEFAULTS, **config})
        """What it is built by; `config` is the same as transformers has it."""
        self.embeddings = _Embeddings(self.plain)
        self.encoder = _Layers(self.plain)
        self._draw()

    @torch.no_grad()
    def _draw(self) -> None:
        """Weights as BERT's authors drew them."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                module.weight.normal_(0.0, self.plain.initializer_range)
            if isinstance(module, nn.Linear):
                module.bias.zero_()
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx].zero_()

    @property
    def config(self) -> Any:
        """The configuration as a `BertConfig` of transformers, for those that need to know all of it."""
        from transformers import AutoConfig

        return AutoConfig.for_model(**vars(self.plain))

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        return_dict: bool = True,
    ) -> tuple[Tensor]:
        """Features; `attention_mask` (n, length) is 0 where a text has ended."""
        seen = attention_mask.bool()
        # Where all are seen there is no mask, as in transformers: that is another kernel, and other roundings.
        mask = None if not traced() and bool(seen.all()) else seen[:, None, None].expand(-1, -1, seen.shape[1], -1)
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        hidden = self.embeddings(input_ids, types)
        for layer in self.encoder.layer:
            hidden = layer(hidden, mask)
        return (hidden,)


_DEFAULTS = {
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.02,
    "pad_token_id": 0,
}
"""Of `BertConfig`."""


class _Embeddings(nn.Module):
    def __init__(self, facts: Any) -> None:
        super().__init__()
        width = facts.hidden_size
        self.word_embeddings = nn.Embedding(facts.vocab_size, width, padding_idx=facts.pad_token_id)
        self.position_embeddings = nn.Embedding(facts.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(facts.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=facts.layer_norm_eps)
        self.dropout = nn.Dropout(facts.hidden_dropout_prob)

    def forward(self, tokens: Tensor, types: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)[None]
        both = self.word_embeddings(tokens) + self.token_type_embeddings(types)
        found: Tensor = self.dropout(self.LayerNorm(both + self.position_embeddings(places)))
        return found


class _Layers(nn.Module):
    def __init__(self, facts: Any) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(facts) for _ in range(facts.num_hidden_layers))


class _Layer(nn.Module):
    def __init__(self, facts: Any) -> None:
        super().__init__()
        self.attention = _Attention(facts)
        self.intermediate = _Intermediate(facts)
        self.output = _Output(facts, facts.intermediate_size)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        hidden = self.attention(hidden, mask)
        found: Tensor = self.output(self.intermediate(hidden), hidden)
        return found


class _Attention(nn.Module):
    def __init__(self, facts: Any) -> None:
        super().__init__()
        self.self = _SelfAttention(facts)
        self.output = _Output(facts, facts.hidden_size)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        found: Tensor = self.output(self.self(hidden, mask), hidden)
        return found


class _SelfAttention(nn.Module):
    def __init__(self, facts: Any) -> None:
        super().__init__()
        width, self.heads = facts.hidden_size, facts.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.dropout = nn.Dropout(facts.attention_probs_dropout_prob)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        n, length, width = hidden.shape
        shape = (n, length, self.heads, width // self.heads)
        query, key, value = (part(hidden).view(shape).transpose(1, 2) for part in (self.query, self.key, self.value))
        dropped = self.dropout.p if self.training else 0.0
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropped)
        return found.transpose(1, 2).reshape(n, length, width)


class _Intermediate(nn.Module):
    def __init__(self, facts: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(facts.hidden_size, facts.intermediate_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.gelu(self.dense(hidden))


class _Output(nn.Module):
    """What a block adds to its input, normalised behind the sum."""

    def __init__(self, facts: Any, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, facts.hidden_size)
        self.LayerNorm = nn.LayerNorm(facts.hidden_size, eps=facts.layer_norm_eps)
        self.dropout = nn.Dropout(facts.hidden_dropout_prob)

    def forward(self, hidden: Tensor, given: Tensor) -> Tensor:
        found: Tensor = self.LayerNorm(self.dropout(self.dense(hidden)) + given)
        return found
