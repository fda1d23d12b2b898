"""Inception v3 (Szegedy et al. 2016) as in Keras, and the branches that Inception-ResNet is made of too.

Keras gives nearly all of these layers no name, so that they are known by their order alone: branches and their layers
stand here in the order in which Keras creates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from warmstart.model.keras.layers import CentredNorm, Kernel, conv, network, sequence


class Conv(NamedTuple):
    """A convolution, normalised, and a ReLU. With a stride it is not padded, as it is where `padded` is false."""

    filters: int
    kernel: Kernel
    stride: int = 1
    padded: bool = True


Step = Conv | Literal["avg", "max"] | tuple[Conv, Conv]
"""`avg` keeps the size, `max` halves it; a pair is a split: both read the same, and their channels are joined."""


def unit(inputs: int, step: Conv) -> nn.Sequential:
    """The three layers of a convolution, which Keras leaves to be named after their classes."""
    padding = "same" if step.padded and step.stride == 1 else 0
    return sequence(
        conv2d=conv(inputs, step.filters, step.kernel, step.stride, padding=padding),
        batch_normalization=CentredNorm(step.filters),
        activation=nn.ReLU(inplace=True),
    )


class Branches(nn.ModuleList):
    """What several modules make of the same input, joined along the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, height, width) to (n, sum of the branches' channels, height, width)."""
        return torch.cat([branch(x) for branch in self], 1)


def chain(inputs: int, steps: Sequence[Step]) -> tuple[nn.Sequential, int]:
    """Steps one after the other, and how many channels come out of them."""
    layers = list[nn.Module]()
    for step in steps:
        if step == "avg":  # Keras divides by the number of pixels inside the image
            layers.append(nn.AvgPool2d(3, 1, 1, count_include_pad=False))
        elif step == "max":
            layers.append(nn.MaxPool2d(3, 2))
        elif isinstance(step, Conv):
            layers.append(unit(inputs, step))
            inputs = step.filters
        else:
            layers.append(Branches(unit(inputs, half) for half in step))
            inputs = sum(half.filters for half in step)
    return nn.Sequential(*layers), inputs


def mixed(inputs: int, *branches: Sequence[Step]) -> tuple[Branches, int]:
    """An Inception block, and how many channels come out of it."""
    built = [chain(inputs, branch) for branch in branches]
    return Branches(module for module, _ in built), sum(filters for _, filters in built)


STEM: tuple[Step, ...] = (
    Conv(32, 3, 2),
    Conv(32, 3, padded=False),
    Conv(64, 3),
    "max",
    Conv(80, 1),
    Conv(192, 3, padded=False),
    "max",
)
"""Up to the first block; 192 channels."""


def _small(pooled: int) -> list[list[Step]]:
    return [
        [Conv(64, 1)],
        [Conv(48, 1), Conv(64, 5)],
        [Conv(64, 1), Conv(96, 3), Conv(96, 3)],
        ["avg", Conv(pooled, 1)],
    ]


def _long(filters: int) -> list[list[Step]]:
    """5 x 5 and larger as pairs of 1 x 7 and 7 x 1."""
    row, column = Conv(filters, (1, 7)), Conv(filters, (7, 1))
    return [
        [Conv(192, 1)],
        [Conv(filters, 1), row, Conv(192, (7, 1))],
        [Conv(filters, 1), column, row, column, Conv(192, (1, 7))],
        ["avg", Conv(192, 1)],
    ]


_SPLIT = (Conv(384, (1, 3)), Conv(384, (3, 1)))
_WIDE: list[list[Step]] = [
    [Conv(320, 1)],
    [Conv(384, 1), _SPLIT],
    [Conv(448, 1), Conv(384, 3), _SPLIT],
    ["avg", Conv(192, 1)],
]
_BLOCKS: tuple[list[list[Step]], ...] = (
    _small(32),
    _small(64),
    _small(64),
    [[Conv(384, 3, 2)], [Conv(64, 1), Conv(96, 3), Conv(96, 3, 2)], ["max"]],
    _long(128),
    _long(160),
    _long(160),
    _long(192),
    [[Conv(192, 1), Conv(320, 3, 2)], [Conv(192, 1), *_long(192)[1][1:], Conv(192, 3, 2)], ["max"]],
    _WIDE,
    _WIDE,
)


def inception_v3() -> nn.Sequential:
    """A stem and the blocks that Keras calls `mixed0` to `mixed10`."""
    stem, channels = chain(3, STEM)
    blocks = dict[str, nn.Module]()
    for i, branches in enumerate(_BLOCKS):
        blocks[f"mixed{i}"], channels = mixed(channels, *branches)
    return network(stem=stem, **blocks)
