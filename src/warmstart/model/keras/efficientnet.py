"""EfficientNet (Tan and Le 2019) as in Keras, which normalises images inside the network.

Keras drops whole residual branches while it trains. That is a regularisation of its recipe and no part of the features,
so it is not here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from warmstart.model.keras.layers import Inverted, SqueezeExcite, conv, depthwise, network, norm, sequence
from warmstart.model.keras.mobilenet import rounded

_STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
"""Kernel, blocks, filters, expansion, stride."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels in 0..1; what a network that was not trained begins with."""


class Normalization(nn.Module):
    """Pixels in 0..1 minus `mean`, over `std`: facts of the weights, and buffers as they are not trained.

    They are all of Keras' `Normalization` and, with ImageNet's weights, the `Rescaling` that follows it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).reshape(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The shape (n, 3, height, width) does not change."""
        return (x - self.mean) / self.std


def _block(inputs: int, filters: int, kernel: int, expansion: int, stride: int) -> Inverted:
    layers, wide = dict[str, nn.Module](), inputs * expansion
    if expansion > 1:
        layers["expand_conv"] = conv(inputs, wide, 1)
        layers["expand_bn"] = norm(wide)
        layers["expand_activation"] = nn.SiLU(inplace=True)
    layers["dwconv"] = depthwise(wide, kernel, stride)
    layers["bn"] = norm(wide)
    layers["activation"] = nn.SiLU(inplace=True)
    layers["se"] = SqueezeExcite(wide, max(1, inputs // 4))
    layers["project_conv"] = conv(wide, filters, 1)
    layers["project_bn"] = norm(filters)
    return Inverted(layers, skip=stride == 1 and inputs == filters)


def efficientnet(width: float, depth: float) -> nn.Sequential:
    """A stem, seven stages and a top, by the coefficients of the paper's table of B0 to B7."""
    channels, top = rounded(32 * width), rounded(1280 * width)
    stem = sequence(
        normalization=Normalization(),
        conv=conv(3, channels, 3, 2),
        bn=norm(channels),
        activation=nn.SiLU(inplace=True),
    )
    stages = list[nn.Module]()
    for i, (kernel, count, wanted, expansion, stride) in enumerate(_STAGES, 1):
        filters, blocks = rounded(wanted * width), dict[str, nn.Module]()
        for j in range(math.ceil(depth * count)):
            name = f"block{i}{chr(ord('a') + j)}"
            blocks[name] = _block(channels, filters, kernel, expansion, stride if j == 0 else 1)
            channels = filters
        stages.append(sequence(**blocks))
    ending = sequence(conv=conv(channels, top, 1), bn=norm(top), activation=nn.SiLU(inplace=True))
    return network(stem=stem, stages=nn.Sequential(*stages), top=ending)
