"""One network of InceptionTime (Fawaz et al. 2020, section 3), as in its authors' code.

InceptionTime itself is the mean of five of them, each trained from its own random weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from warmstart.model.series.layers import MeanOverTime, convolution, norm, same

FILTERS = 32
KERNELS = (40, 20, 10)
"""Lengths of the convolutions in a module; the paper calls a network of them one of length 40."""
WIDTH = FILTERS * (len(KERNELS) + 1)


class _Branch(nn.Module):
    """A convolution that leaves as many steps."""

    def __init__(self, inputs: int, kernel: int) -> None:
        super().__init__()
        self.pad = same(kernel)
        self.conv = convolution(inputs, FILTERS, kernel, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(self.pad(x))
        return out


class InceptionModule(nn.Module):
    """Series (n, inputs, steps) to (n, 128, steps): three convolutions of what a bottleneck leaves, and a maximum pool.

    There is no bottleneck for an input of one channel.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.bottleneck = convolution(inputs, FILTERS, 1, bias=False) if inputs > 1 else nn.Identity()
        between = FILTERS if inputs > 1 else 1
        self.branches = nn.ModuleList(_Branch(between, kernel) for kernel in KERNELS)
        self.pool = nn.MaxPool1d(3, stride=1, padding=1)
        self.pooled = convolution(inputs, FILTERS, 1, bias=False)
        self.norm = norm(WIDTH)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """The module."""
        narrow = self.bottleneck(x)
        found = [branch(narrow) for branch in self.branches]
        out: Tensor = self.act(self.norm(torch.cat([*found, self.pooled(self.pool(x))], 1)))
        return out


class _Residual(nn.Module):
    """Three modules beside a shortcut."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inception = nn.Sequential(InceptionModule(inputs), InceptionModule(WIDTH), InceptionModule(WIDTH))
        self.shortcut = nn.Sequential(convolution(inputs, WIDTH, 1, bias=False), norm(WIDTH))
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.shortcut(x) + self.inception(x))
        return out


class InceptionNetwork(nn.Module):
    """Series (n, channels, steps) to features (n, 128): six modules, three at a time beside a shortcut.

    >>> sum(parameter.numel() for parameter in InceptionNetwork().parameters())
    420192
    """

    first = "block1.shortcut.0.weight"

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.block1 = _Residual(channels)
        self.block2 = _Residual(WIDTH)
        self.pool = MeanOverTime()

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        out: Tensor = self.pool(self.block2(self.block1(x)))
        return out

    def of_channels(self, channels: int) -> InceptionNetwork:
        """The same for so many channels, with random weights."""
        return InceptionNetwork(channels)
