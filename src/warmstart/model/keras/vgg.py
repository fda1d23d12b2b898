"""VGG (Simonyan and Zisserman 2015) as in Keras: its convolutions. The features are those of the network without top,
means over all positions, not those of the two dense layers above it.
"""

from __future__ import annotations

from torch import nn

from warmstart.model.keras.layers import conv, network, sequence

_FILTERS = (64, 128, 256, 512, 512)


def vgg(*convolutions: int) -> nn.Sequential:
    """Five blocks of so many convolutions each."""
    blocks, inputs = dict[str, nn.Module](), 3
    for i, (filters, count) in enumerate(zip(_FILTERS, convolutions, strict=True), 1):
        layers = dict[str, nn.Module]()
        for j in range(1, count + 1):
            layers[f"conv{j}"] = conv(inputs, filters, 3, bias=True)
            layers[f"relu{j}"] = nn.ReLU(inplace=True)
            inputs = filters
        blocks[f"block{i}"] = sequence(**layers, pool=nn.MaxPool2d(2))
    return network(**blocks)
