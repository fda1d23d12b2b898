"""Chronos (Ansari et al. 2024): the encoder of T5 over the quantised values of a series, or over its patches (Bolt).

Both are pretrained to forecast. Written anew from the authors' code (Apache-2.0); parameters have the names of their
checkpoints.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.errors import BackboneError
from warmstart.model.series.t5 import ACTIVATIONS, T5Encoder, T5Shape

_EPS = 1e-5


class _Quantised(nn.Module):
    """Series (n, 1, steps) to embeddings of the bins that their values fall in, and one for the end (section 3.1).

    Values are divided by their mean size. One module without parts: what a trace could cut inside it is whole numbers.
    """

    def __init__(self, said: dict[str, Any], width: int) -> None:
        super().__init__()
        low, high = (float(said["tokenizer_kwargs"][name]) for name in ("low_limit", "high_limit"))
        self._tokens, self._special, self._end = (
            int(said[n]) for n in ("n_tokens", "n_special_tokens", "eos_token_id")
        )
        self._ends = bool(said["use_eos_token"])
        self.weight = nn.Parameter(torch.randn(self._tokens, width))
        centres = torch.linspace(low, high, self._tokens - self._special - 1)
        outer = torch.tensor([1e20])
        self.edges: Tensor
        edges = torch.cat([-outer, (centres[1:] + centres[:-1]) / 2, outer])
        self.register_buffer("edges", edges, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        values = x.squeeze(1)
        size = values.abs().mean(-1, keepdim=True)
        values = values / torch.where(size > 0, size, 1.0)
        bins = (torch.bucketize(values, self.edges, right=True) + self._special).clamp(0, self._tokens - 1)
        if self._ends:
            bins = functional.pad(bins, (0, 1), value=self._end)
        return functional.embedding(bins, self.weight)


class ChronosT5(nn.Module):
    """Series (n, 1, steps) to features (n, d): the mean over steps of the encoder's vectors, that of the end left out.

    Args:
        config: their `config.json`, which may have been written by anybody.

    Raises:
        BackboneError: the configuration is not that of a Chronos that is known here.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        shape, said = T5Shape.of(config), config["chronos_config"]
        kinds = (said.get("tokenizer_class"), said.get("model_type"))
        if kinds != ("MeanScaleUniformBins", "seq2seq"):
            raise BackboneError(
                f"config.json says tokenizer_class and model_type = {kinds}", expected="MeanScaleUniformBins, seq2seq"
            )
        try:
            self.shared = _Quantised(said, shape.d_model)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BackboneError(f"chronos_config in config.json is not complete: {error!r}") from error
        self.encoder = T5Encoder(shape)
        self._ends = bool(said["use_eos_token"])

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        found: Tensor = self.encoder(self.shared(x))
        return (found[:, :-1] if self._ends else found).mean(1)


class _PatchEmbedding(nn.Module):
    def __init__(self, inputs: int, shape: T5Shape) -> None:
        super().__init__()
        self.hidden_layer = nn.Linear(inputs, shape.d_ff)
        self.output_layer = nn.Linear(shape.d_ff, shape.d_model)
        self.residual_layer = nn.Linear(inputs, shape.d_model)
        for layer, fan in ((self.hidden_layer, inputs), (self.output_layer, shape.d_ff), (self.residual_layer, inputs)):
            nn.init.normal_(layer.weight, std=fan**-0.5)
            nn.init.zeros_(layer.bias)
        self.dropout = nn.Dropout(shape.dropout_rate)
        self._act = ACTIVATIONS[shape.activation]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout(self.output_layer(self._act(self.hidden_layer(x)))) + self.residual_layer(x)
        return out


class ChronosBolt(nn.Module):
    """Series (n, 1, steps) to features (n, d), the mean over patches of 16 steps.

    The first patch is filled up in front, and told which of its steps there are. Where the encoder reads a token beside
    the patches, its vector is no part of the mean. Arguments and errors as those of `ChronosT5`.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        shape, said = T5Shape.of(config), config["chronos_config"]
        patch, stride = said.get("input_patch_size"), said.get("input_patch_stride")
        if not isinstance(patch, int) or patch < 1 or stride != patch:
            raise BackboneError(
                f"config.json says input_patch_size = {patch!r} and input_patch_stride = {stride!r}",
                expected="patches one behind the other, as chronos-bolt",
            )
        self._patch, self._register = patch, bool(said.get("use_reg_token", False))
        self.shared = nn.Embedding(2 if self._register else 1, shape.d_model)
        self.input_patch_embedding = _PatchEmbedding(2 * patch, shape)
        self.encoder = T5Encoder(shape)

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        values = x.squeeze(1)
        apart = values - values.mean(-1, keepdim=True)
        spread = apart.square().mean(-1, keepdim=True).sqrt()
        scaled = apart / torch.where(spread == 0, _EPS, spread)
        missing = -values.shape[1] % self._patch
        parts = [functional.pad(part, (missing, 0)) for part in (scaled, torch.ones_like(scaled))]
        patches = [torch.unflatten(part, 1, (-1, self._patch)) for part in parts]
        embedded = self.input_patch_embedding(torch.cat(patches, -1))
        if not self._register:
            out: Tensor = self.encoder(embedded).mean(1)
            return out
        register = self.shared.weight[1].expand(embedded.shape[0], 1, -1)
        found: Tensor = self.encoder(torch.cat([embedded, register], 1))
        return found[:, :-1].mean(1)
