"""MOMENT (Goswami et al. 2024, section 3): the encoder of T5 over patches of 8 steps, pretrained to fill masked ones.

Written anew from the authors' code (MIT); parameters have the names of their checkpoints.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.series.t5 import T5Encoder, T5Shape

_EPS = 1e-5


class _Positions(nn.Module):
    """Adds sines and cosines of the position (Vaswani et al. 2017, section 3.5)."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        angles = torch.arange(count).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
        self.table: Tensor
        self.register_buffer("table", torch.stack([angles.sin(), angles.cos()], -1).flatten(1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table[: x.shape[1]]


class _Patches(nn.Module):
    """Series (n, 1, steps) to embeddings (n, patches, width): each patch times a matrix, and sines of its position."""

    def __init__(self, patch: int, width: int, most: int, *, bias: bool, dropout: float) -> None:
        super().__init__()
        self.value_embedding = nn.Linear(patch, width, bias=bias)
        nn.init.orthogonal_(self.value_embedding.weight, gain=1.41)
        if bias:
            nn.init.zeros_(self.value_embedding.bias)
        self.positions = _Positions(most, width)
        self.dropout = nn.Dropout(dropout)
        self._patch = patch

    def forward(self, x: Tensor) -> Tensor:
        patches = torch.unflatten(x.squeeze(1), 1, (-1, self._patch))
        out: Tensor = self.dropout(self.positions(self.value_embedding(patches)))
        return out


class Moment(nn.Module):
    """Series (n, 1, steps) to features (n, d), the mean over patches; steps are a multiple of the patch, at most 512.

    Args:
        config: their `config.json`, which may have been written by anybody.

    Raises:
        BackboneError: the configuration is not that of a MOMENT that is known here.

    >>> t5 = {"d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    >>> Moment({"seq_len": 512, "patch_len": 8, "patch_stride_len": 8, "t5_config": t5})(torch.zeros(2, 1, 64)).shape
    torch.Size([2, 8])
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        wanted = {"transformer_type": "encoder_only", "revin_affine": False, "add_positional_embedding": True}
        for name, expected in {**wanted, "patch_stride_len": config.get("patch_len")}.items():
            if config.get(name, expected) != expected:
                raise BackboneError(
                    f"config.json says {name} = {config[name]!r}", expected=f"{expected!r}, as MOMENT-1"
                )
        numbers = {name: config.get(name) for name in ("seq_len", "patch_len")}
        for name, value in numbers.items():
            if not isinstance(value, int) or value < 1:
                raise BackboneError(f"config.json says {name} = {value!r}", expected="a number of steps")
        shape = T5Shape.of(config.get("t5_config") or {})
        patch, steps = int(config["patch_len"]), int(config["seq_len"])
        bias, dropout = bool(config.get("value_embedding_bias", False)), float(config.get("patch_dropout", 0.1))
        self.patch_embedding = _Patches(patch, shape.d_model, steps // patch, bias=bias, dropout=dropout)
        self.encoder = T5Encoder(shape)

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        apart = x - x.mean(-1, keepdim=True)
        spread = apart.square().mean(-1, keepdim=True).sqrt().detach() + _EPS
        out: Tensor = self.encoder(self.patch_embedding(apart / spread)).mean(1)
        return out
