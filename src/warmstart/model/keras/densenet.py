"""DenseNet (Huang et al. 2017) as in Keras."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from warmstart.model.keras.layers import conv, network, norm, sequence
from warmstart.model.keras.resnet import stem

_EPSILON = 1.001e-5
_GROWTH = 32


class Dense(nn.Sequential):
    """Two convolutions whose `_GROWTH` channels are put behind those of the input."""

    def __init__(self, inputs: int) -> None:
        layers: dict[str, nn.Module] = {
            "0_bn": norm(inputs, _EPSILON),
            "0_relu": nn.ReLU(inplace=True),
            "1_conv": conv(inputs, 4 * _GROWTH, 1),
            "1_bn": norm(4 * _GROWTH, _EPSILON),
            "1_relu": nn.ReLU(inplace=True),
            "2_conv": conv(4 * _GROWTH, _GROWTH, 3),
        }
        super().__init__(OrderedDict(layers))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, height, width) to (n, inputs + 32, height, width)."""
        y = x
        for layer in self:
            y = layer(y)
        return torch.cat((x, y), 1)


def densenet(*blocks: int) -> nn.Sequential:
    """Four stages of so many blocks each; between two of them the channels are halved."""
    stages, channels = dict[str, nn.Module](), 64
    for i, count in enumerate(blocks, 2):
        stages[f"conv{i}"] = sequence(**{f"block{j + 1}": Dense(channels + j * _GROWTH) for j in range(count)})
        channels += count * _GROWTH
        if i <= len(blocks):
            stages[f"pool{i}"] = sequence(
                bn=norm(channels, _EPSILON),
                relu=nn.ReLU(inplace=True),
                conv=conv(channels, channels // 2, 1),
                pool=nn.AvgPool2d(2),
            )
            channels //= 2
    return network(conv1=stem(bias=False), **stages, bn=norm(channels, _EPSILON), relu=nn.ReLU(inplace=True))
