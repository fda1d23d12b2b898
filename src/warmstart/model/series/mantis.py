"""Mantis (Feofanov et al. 2025, section 3), version 1: a transformer over patches of a series and of its differences.

Written anew from the authors' description and code (MIT); parameters have the names of their checkpoints.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.errors import BackboneError

_SCALES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4)
_EPS = 1e-5
_AS_PUBLISHED = {
    "no_diff_operator": False,
    "no_scalars": False,
    "patch_length_oriented": False,
    "return_transf_layer": -1,
    "output": "cls_token",
}
"""What their code could do otherwise, and no published weights of version 1 do."""


@dataclasses.dataclass(frozen=True)
class MantisShape:
    """The part of their `config.json` that the network depends on, with the values of Mantis-8M."""

    seq_len: int = 512
    hidden_dim: int = 256
    num_patches: int = 32
    hidden_dim_scalar_enc: int = 32
    epsilon_scalar_enc: float = 1.1
    transf_depth: int = 6
    transf_num_heads: int = 8
    transf_mlp_dim: int = 512
    transf_dim_head: int = 128
    transf_dropout: float = 0.1
    scalar_scales: tuple[float, ...] = _SCALES

    @classmethod
    def of(cls, config: dict[str, Any]) -> MantisShape:
        """From their configuration, which may have been written by anybody.

        Raises:
            BackboneError: it says something else than numbers, or is of version 2.

        >>> MantisShape.of({"hidden_dim": 64, "scalar_scales": None, "device": "cuda"}).hidden_dim
        64
        """
        if config.get("kernel_size") is not None:
            raise BackboneError("config.json is of MantisV2", expected="Mantis-8M or MantisPlus, which are version 1")
        for name, expected in _AS_PUBLISHED.items():
            if config.get(name, expected) != expected:
                raise BackboneError(f"config.json says {name} = {config[name]!r}", expected=repr(expected))
        known = {field.name: config[field.name] for field in dataclasses.fields(cls) if field.name in config}
        scales = known.pop("scalar_scales", None)
        for name, value in known.items():
            if not isinstance(value, int | float) or value < 0:
                raise BackboneError(f"config.json says {name} = {value!r}", expected="a number")
        shape = cls(**known, scalar_scales=_SCALES if scales is None else tuple(float(scale) for scale in scales))
        if shape.num_patches < 1 or shape.seq_len % shape.num_patches:
            raise BackboneError(
                f"config.json says seq_len = {shape.seq_len} and num_patches = {shape.num_patches}",
                expected="a length that patches divide",
            )
        return shape


class _Convolution(nn.Module):
    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, width, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x).transpose(1, 2)
        return out


class _Linear(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)
        self.layer_norm = nn.LayerNorm(width, eps=1e-15)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer_norm(self.linear(x))
        return out


class _Scalar(nn.Module):
    """A number (..., 1) as a vector, at one scale."""

    def __init__(self, scale: float, width: int) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(torch.rand(1, width)), nn.Parameter(torch.rand(1, width))
        self.layer_norm = nn.LayerNorm(width, eps=1e-15)
        self._scale = scale

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer_norm(x * self.w + self._scale * self.b)
        return out


class _Scalars(nn.Module):
    """A number (..., 1) as the mean of its vectors at all scales, those near its size counting most."""

    def __init__(self, shape: MantisShape) -> None:
        super().__init__()
        self.scales: Tensor
        self.register_buffer("scales", torch.tensor(shape.scalar_scales))
        self.encoders = nn.ModuleList(_Scalar(scale, shape.hidden_dim_scalar_enc) for scale in shape.scalar_scales)
        self._epsilon = shape.epsilon_scalar_enc

    def forward(self, x: Tensor) -> Tensor:
        nearness = (1 / torch.log(x.abs() / self.scales + self._epsilon)).abs()
        weights = nearness / nearness.sum(-1, keepdim=True)
        return (torch.stack([encoder(x) for encoder in self.encoders], -2) * weights.unsqueeze(-1)).sum(-2)


class _Tokens(nn.Module):
    """Series (n, 1, steps) to tokens (n, patches, width)."""

    def __init__(self, shape: MantisShape) -> None:
        super().__init__()
        patch = shape.seq_len // shape.num_patches
        kernel = patch + 1 if patch % 2 == 0 else patch
        self.convs = nn.ModuleList(_Convolution(shape.hidden_dim, kernel) for _ in range(2))
        self.layer_norms = nn.ModuleList(nn.LayerNorm(shape.hidden_dim) for _ in range(2))
        self.scalar_encoders = nn.ModuleList(_Scalars(shape) for _ in range(2))
        self.linear_encoder = _Linear(2 * (shape.hidden_dim_scalar_enc + shape.hidden_dim), shape.hidden_dim)
        self._patches = shape.num_patches

    def forward(self, x: Tensor) -> Tensor:
        differences = functional.pad(x[..., 1:] - x[..., :-1], (0, 1))
        parts = [
            norm(conv(_scaled(values))).unflatten(1, (self._patches, -1)).mean(2)
            for values, conv, norm in zip((differences, x), self.convs, self.layer_norms, strict=True)
        ]
        patches = torch.unflatten(x.squeeze(1), 1, (self._patches, -1))
        statistics = (patches.mean(-1, keepdim=True), patches.std(-1, keepdim=True))
        parts += [encoder(value) for encoder, value in zip(self.scalar_encoders, statistics, strict=True)]
        out: Tensor = self.linear_encoder(torch.cat(parts, -1))
        return out


def _scaled(x: Tensor) -> Tensor:
    return (x - x.mean(2, keepdim=True)) / (x.std(2, keepdim=True) + _EPS)


class _Positions(nn.Module):
    """Adds sines and cosines of the position (Vaswani et al. 2017, section 3.5)."""

    def __init__(self, count: int, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        angles = torch.arange(count).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
        table = torch.zeros(count, 1, width)
        table[:, 0, 0::2], table[:, 0, 1::2] = angles.sin(), angles.cos()
        self.pe: Tensor
        self.register_buffer("pe", table)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout((x.transpose(0, 1) + self.pe).transpose(0, 1))
        return out


class _Attention(nn.Module):
    def __init__(self, shape: MantisShape) -> None:
        super().__init__()
        inner = shape.transf_num_heads * shape.transf_dim_head
        self.to_qkv = nn.Linear(shape.hidden_dim, 3 * inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, shape.hidden_dim), nn.Dropout(shape.transf_dropout))
        self._heads, self._dropout = shape.transf_num_heads, shape.transf_dropout

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in self.to_qkv(x).chunk(3, -1))
        dropout = self._dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        out: Tensor = self.to_out(found.transpose(1, 2).flatten(2))
        return out


class _FeedForward(nn.Module):
    def __init__(self, shape: MantisShape) -> None:
        super().__init__()
        width, inner, dropout = shape.hidden_dim, shape.transf_mlp_dim, shape.transf_dropout
        self.net = nn.Sequential(
            nn.Linear(width, inner), nn.GELU(), nn.Dropout(dropout), nn.Linear(inner, width), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class _Residual(nn.Module):
    def __init__(self, shape: MantisShape, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(shape.hidden_dim)
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fn(self.norm(x)) + x
        return out


class _Layers(nn.Module):
    def __init__(self, shape: MantisShape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(_Residual(shape, _Attention(shape)), _Residual(shape, _FeedForward(shape)))
            for _ in range(shape.transf_depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class _Transformer(nn.Module):
    def __init__(self, shape: MantisShape) -> None:
        super().__init__()
        self.pos_encoder = _Positions(shape.num_patches + 1, shape.hidden_dim, shape.transf_dropout)
        self.cls_token = nn.Parameter(torch.randn(shape.hidden_dim))
        self.transformer = _Layers(shape)

    def forward(self, x: Tensor) -> Tensor:
        first = self.cls_token.expand(x.shape[0], 1, -1)
        out: Tensor = self.transformer(self.pos_encoder(torch.cat([first, x], 1)))[:, 0]
        return out


class Mantis(nn.Module):
    """Series (n, 1, 512) to features (n, 256), those of a token that looks at all patches.

    >>> Mantis(MantisShape(hidden_dim=8, transf_depth=1, transf_dim_head=4))(torch.zeros(2, 1, 512)).shape
    torch.Size([2, 8])
    """

    def __init__(self, shape: MantisShape) -> None:
        super().__init__()
        self.tokgen_unit = _Tokens(shape)
        self.vit_unit = _Transformer(shape)

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        out: Tensor = self.vit_unit(self.tokgen_unit(x))
        return out
