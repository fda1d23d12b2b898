"""A small transformer over patches of one channel: the architecture of the backbone `series`.

A convolutional stem reads a series and its differences (Mantis, Feofanov et al. 2025, section 3.1, has both) in patches
that overlap, layers of attention relate the patches (PatchTST, Nie et al. 2023), and means and maxima over the patches
are the features. Level and spread of a series are not among them: they are what `SeriesSpec.scale` takes out, and
weights that were trained without units can say nothing of them.

Series have any number of steps. One that is no whole number of strides is continued with its last value up to one.
Positions are sinusoids of the number of the patch (Vaswani et al. 2017, section 3.5), so there is no longest series.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 16
"""Steps from one patch to the next."""
_REACH = (15, 7)
"""Kernels of the stem, of strides 4 and 4: a patch sees 39 steps, more than two strides."""


@dataclasses.dataclass(frozen=True)
class PatchSize:
    """How large the network is."""

    width: int = 160
    depth: int = 4
    heads: int = 5
    stem: int = 64  # channels between the two convolutions
    widening: int = 3  # of the layers' inner width


class PatchNet(nn.Module):
    """Series (n, 1, steps) on the scale of each, to features (n, 2 * width): means and maxima over the patches.

    >>> PatchNet(PatchSize(8, 1, 2, 4, 2))(torch.zeros(3, 1, 50)).shape
    torch.Size([3, 16])
    """

    def __init__(self, size: PatchSize = PatchSize()) -> None:
        super().__init__()
        self.signals = Signals()
        self.stem = nn.Sequential(
            nn.Conv1d(2, size.stem, _REACH[0], stride=4, padding=_REACH[0] // 2),
            nn.GELU(),
            nn.Conv1d(size.stem, size.width, _REACH[1], stride=4, padding=_REACH[1] // 2),
        )
        self.patches = Patches(size.width)
        self.layers = nn.Sequential(*(Layer(size) for _ in range(size.depth)))
        self.norm = nn.LayerNorm(size.width)
        self.pool = Pool()

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        out: Tensor = self.pool(self.norm(self.layers(self.patches(self.stem(self.signals(x))))))
        return out


class Signals(nn.Module):
    """A series (n, 1, steps) and its differences, as long as a whole number of strides: (n, 2, steps')."""

    def forward(self, x: Tensor) -> Tensor:
        """Differences have the root mean square 1 in each series, or are zeros in a constant one."""
        whole = functional.pad(x, (0, -x.shape[-1] % STRIDE), mode="replicate")
        steps = functional.pad(whole[..., 1:] - whole[..., :-1], (1, 0))
        size = steps.square().mean(-1, keepdim=True)
        return torch.cat([whole, steps * (size + 1e-8).rsqrt()], dim=1)


class Patches(nn.Module):
    """Activations (n, width, patches) as tokens (n, patches, width) that know where they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.share = nn.Parameter(torch.tensor(0.1))  # of the position in a token

    def forward(self, x: Tensor) -> Tensor:
        """The tokens."""
        place = torch.arange(x.shape[-1], device=x.device, dtype=x.dtype)[:, None]
        half = (self.width + 1) // 2
        rates = torch.exp(torch.arange(half, device=x.device, dtype=x.dtype) * (-math.log(1e4) / half))
        waves = torch.cat([torch.sin(place * rates), torch.cos(place * rates)], dim=1)[:, : self.width]
        return x.transpose(1, 2) + self.share * waves


class Layer(nn.Module):
    """Attention and a perceptron over tokens (n, patches, width), each beside a shortcut and behind a norm."""

    def __init__(self, size: PatchSize) -> None:
        super().__init__()
        width, inner = size.width, size.widening * size.width
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, size.heads)
        self.norm2 = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens of the same shape."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.perceptron(self.norm2(x))
        return out


class Attention(nn.Module):
    """Scaled dot-product attention of all patches to all (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens of the same shape."""
        n, patches, width = x.shape
        q, k, v = self.qkv(x).reshape(n, patches, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        found = functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out(found.transpose(1, 2).reshape(n, patches, width))
        return out


class Pool(nn.Module):
    """Means and maxima over the patches: (n, patches, width) to (n, 2 * width)."""

    def forward(self, x: Tensor) -> Tensor:
        """The features."""
        return torch.cat([x.mean(1), x.amax(1)], dim=1)
