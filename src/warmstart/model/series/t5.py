"""The encoder of T5 (Raffel et al. 2020), which MOMENT and Chronos are built on; parameters as transformers names them.

Series are all of one length, so there is no mask, and a trace finds a cut behind every residual sum. Layers of
transformers decide on their inputs, which a tracer cannot follow, and differ from version to version.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.errors import BackboneError

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_new": functools.partial(functional.gelu, approximate="tanh"),
}


_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}


@dataclasses.dataclass(frozen=True)
class T5Shape:
    """The part of a `T5Config` that an encoder depends on."""

    d_model: int
    d_kv: int
    d_ff: int
    num_layers: int
    num_heads: int
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    feed_forward_proj: str = "relu"

    @classmethod
    def of(cls, config: dict[str, Any]) -> T5Shape:
        """From a configuration of transformers, which may have been written by anybody.

        Raises:
            BackboneError: something is not said, or is no number.

        >>> T5Shape.of({"d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2, "n_positions": 512})
        T5Shape(d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, ...)
        """
        found: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            value = config.get(field.name, None if field.default is dataclasses.MISSING else field.default)
            kinds = _KINDS[str(field.type)]
            if not isinstance(value, kinds) or (isinstance(value, int) and value <= 0):
                raise BackboneError(f"config.json says {field.name} = {value!r}", expected=f"{field.type} above 0")
            found[field.name] = value
        shape = cls(**found)
        if shape.activation not in ACTIVATIONS:
            expected = "relu, gelu, gated-gelu or gated-relu"
            raise BackboneError(f"config.json says feed_forward_proj = {shape.feed_forward_proj!r}", expected=expected)
        return shape

    @property
    def gated(self) -> bool:
        """Whether the first of the two dense layers is multiplied by a third."""
        return self.feed_forward_proj.startswith("gated-")

    @property
    def activation(self) -> str:
        """Its name; the one that "gated-gelu" stands for is the approximation (as in transformers)."""
        name = self.feed_forward_proj.removeprefix("gated-")
        return "gelu_new" if self.feed_forward_proj == "gated-gelu" else name


class T5Norm(nn.Module):
    """Scales each vector to a root mean square of one, and by a weight for each of its numbers."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps))


class _Attention(nn.Module):
    """Every position looks at every other; how far apart they are adds to the score, and scores are not scaled."""

    def __init__(self, shape: T5Shape, *, first: bool) -> None:
        super().__init__()
        inner = shape.num_heads * shape.d_kv
        self.q, self.k, self.v = (nn.Linear(shape.d_model, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, shape.d_model, bias=False)
        if first:
            self.relative_attention_bias = nn.Embedding(shape.relative_attention_num_buckets, shape.num_heads)
            nn.init.normal_(self.relative_attention_bias.weight, std=shape.d_model**-0.5)
        self._buckets, self._distance = shape.relative_attention_num_buckets, shape.relative_attention_max_distance
        self._heads, self._dropout = shape.num_heads, shape.dropout_rate
        nn.init.normal_(self.q.weight, std=(shape.d_model * shape.d_kv) ** -0.5)
        for layer, fan in ((self.k, shape.d_model), (self.v, shape.d_model), (self.o, inner)):
            nn.init.normal_(layer.weight, std=fan**-0.5)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """`table` (buckets, heads) is that of the first layer, for all layers share it."""
        q, k, v = (layer(x).unflatten(-1, (self._heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        places = buckets(x.shape[1], self._buckets, self._distance, x.device)
        bias = functional.embedding(places, table).permute(2, 0, 1).unsqueeze(0)
        dropout = self._dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout, scale=1.0)
        out: Tensor = self.o(found.transpose(1, 2).flatten(2))
        return out


def buckets(length: int, count: int, distance: int, device: torch.device | None = None) -> Tensor:
    """In which of `count` buckets the distance of two positions falls, (length, length): [i, j] is from i to j.

    Half of them are for what is behind; of each half, one half are for one step each, the others grow with the
    logarithm up to `distance` (Raffel et al. 2020, section 2.1, and their code).

    >>> buckets(4, 8, 16).tolist()[0]
    [0, 5, 6, 6]
    """
    at = torch.arange(length, device=device)
    apart = at[None, :] - at[:, None]
    half, far = count // 2, apart.abs()
    exact = half // 2
    grown = exact + (torch.log(far.clamp_min(1) / exact) / math.log(distance / exact) * (half - exact)).long()
    return (apart > 0).long() * half + torch.where(far < exact, far, grown.clamp_max(half - 1))


class _SelfAttention(nn.Module):
    def __init__(self, shape: T5Shape, *, first: bool) -> None:
        super().__init__()
        self.SelfAttention = _Attention(shape, first=first)
        self.layer_norm = T5Norm(shape.d_model, shape.layer_norm_epsilon)
        self.dropout = nn.Dropout(shape.dropout_rate)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        out: Tensor = x + self.dropout(self.SelfAttention(self.layer_norm(x), table))
        return out


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    return layer


class _Dense(nn.Module):
    def __init__(self, shape: T5Shape) -> None:
        super().__init__()
        self._act, self._gated = ACTIVATIONS[shape.activation], shape.gated
        if shape.gated:
            self.wi_0, self.wi_1 = _linear(shape.d_model, shape.d_ff), _linear(shape.d_model, shape.d_ff)
        else:
            self.wi = _linear(shape.d_model, shape.d_ff)
        self.wo = _linear(shape.d_ff, shape.d_model)
        self.dropout = nn.Dropout(shape.dropout_rate)

    def forward(self, x: Tensor) -> Tensor:
        inner = self._act(self.wi_0(x)) * self.wi_1(x) if self._gated else self._act(self.wi(x))
        out: Tensor = self.wo(self.dropout(inner))
        return out


class _FeedForward(nn.Module):
    def __init__(self, shape: T5Shape) -> None:
        super().__init__()
        self.DenseReluDense = _Dense(shape)
        self.layer_norm = T5Norm(shape.d_model, shape.layer_norm_epsilon)
        self.dropout = nn.Dropout(shape.dropout_rate)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.dropout(self.DenseReluDense(self.layer_norm(x)))
        return out


class _Block(nn.Module):
    def __init__(self, shape: T5Shape, *, first: bool) -> None:
        super().__init__()
        self.layer = nn.ModuleList([_SelfAttention(shape, first=first), _FeedForward(shape)])

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        out: Tensor = self.layer[1](self.layer[0](x, table))
        return out


class T5Encoder(nn.Module):
    """Embeddings (n, length, d_model) to as many vectors of the same width.

    >>> shape = T5Shape(d_model=8, d_kv=4, d_ff=16, num_layers=2, num_heads=2)
    >>> T5Encoder(shape)(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, shape: T5Shape) -> None:
        super().__init__()
        self.block = nn.ModuleList(_Block(shape, first=i == 0) for i in range(shape.num_layers))
        self.final_layer_norm = T5Norm(shape.d_model, shape.layer_norm_epsilon)
        self.dropout = nn.Dropout(shape.dropout_rate)

    def forward(self, x: Tensor) -> Tensor:
        """The vectors."""
        table = self.block[0].layer[0].SelfAttention.relative_attention_bias.weight  # type: ignore[union-attr, index]
        x = self.dropout(x)
        for block in self.block:
            x = block(x, table)
        out: Tensor = self.dropout(self.final_layer_norm(x))
        return out
