"""ResNet, version 1 (He et al. 2016), as in Keras: convolutions have a bias, and the stride is that of a block's first
1 x 1 convolution, not of its 3 x 3 one.
"""

from __future__ import annotations

from torch import Tensor, nn

from warmstart.model.keras.layers import conv, network, norm, sequence

_EPSILON = 1.001e-5
_MAIN = ("1_conv", "1_bn", "1_relu", "2_conv", "2_bn", "2_relu", "3_conv", "3_bn")


class Bottleneck(nn.ModuleDict):
    """A residual block; `project`: its input goes through a convolution before it is added."""

    def __init__(self, inputs: int, filters: int, stride: int, *, project: bool) -> None:
        shortcut: dict[str, nn.Module] = {}
        if project:
            shortcut = {"0_conv": conv(inputs, 4 * filters, 1, stride, padding=0, bias=True)}
            shortcut["0_bn"] = norm(4 * filters, _EPSILON)
        super().__init__(
            shortcut
            | {
                "1_conv": conv(inputs, filters, 1, stride, padding=0, bias=True),
                "1_bn": norm(filters, _EPSILON),
                "1_relu": nn.ReLU(inplace=True),
                "2_conv": conv(filters, filters, 3, bias=True),
                "2_bn": norm(filters, _EPSILON),
                "2_relu": nn.ReLU(inplace=True),
                "3_conv": conv(filters, 4 * filters, 1, bias=True),
                "3_bn": norm(4 * filters, _EPSILON),
                "out": nn.ReLU(inplace=True),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, height, width) to (n, 4 * filters, height / stride, width / stride)."""
        y = x
        for name in _MAIN:
            y = self[name](y)
        shortcut = self["0_bn"](self["0_conv"](x)) if "0_conv" in self else x
        out: Tensor = self["out"](shortcut + y)
        return out


def stem(*, bias: bool) -> nn.Sequential:
    """A 7 x 7 convolution and a pool, of DenseNet too. Keras pads with zeros before the pool: none is above a ReLU."""
    return sequence(
        conv=conv(3, 64, 7, 2, padding=3, bias=bias),
        bn=norm(64, _EPSILON),
        relu=nn.ReLU(inplace=True),
        pool=nn.MaxPool2d(3, 2, 1),
    )


def resnet(*blocks: int) -> nn.Sequential:
    """Four stages of so many blocks each."""
    stages, inputs = dict[str, nn.Module](), 64
    for i, count in enumerate(blocks):
        filters = 64 * 2**i
        layers: dict[str, nn.Module] = {
            "block1": Bottleneck(inputs, filters, 1 if i == 0 else 2, project=True),
        }
        for j in range(2, count + 1):
            layers[f"block{j}"] = Bottleneck(4 * filters, filters, 1, project=False)
        stages[f"conv{i + 2}"], inputs = sequence(**layers), 4 * filters
    return network(conv1=stem(bias=True), **stages)
