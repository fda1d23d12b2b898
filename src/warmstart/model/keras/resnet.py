"""ResNet, version 1 (He et al. 2016), as in Keras: convolutions have a bias, and the stride is that of a block's first
1 x 1 convolution, not of its 3 x 3 one.
"""

from __future__ import annotations

import re

from torch import Tensor, nn

from warmstart.model.keras.layers import conv, network, norm, sequence

_EPSILON = 1.001e-5
BEFORE_2019 = 1e-3
"""Epsilon of ResNet50 in Keras 2.0 to 2.2."""
_MAIN = ("1_conv", "1_bn", "1_relu", "2_conv", "2_bn", "2_relu", "3_conv", "3_bn")


class Bottleneck(nn.ModuleDict):
    """A residual block; `project`: its input goes through a convolution before it is added."""

    def __init__(self, inputs: int, filters: int, stride: int, *, project: bool, epsilon: float) -> None:
        shortcut: dict[str, nn.Module] = {}
        if project:
            shortcut = {"0_conv": conv(inputs, 4 * filters, 1, stride, padding=0, bias=True)}
            shortcut["0_bn"] = norm(4 * filters, epsilon)
        super().__init__(
            shortcut
            | {
                "1_conv": conv(inputs, filters, 1, stride, padding=0, bias=True),
                "1_bn": norm(filters, epsilon),
                "1_relu": nn.ReLU(inplace=True),
                "2_conv": conv(filters, filters, 3, bias=True),
                "2_bn": norm(filters, epsilon),
                "2_relu": nn.ReLU(inplace=True),
                "3_conv": conv(filters, 4 * filters, 1, bias=True),
                "3_bn": norm(4 * filters, epsilon),
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


def stem(*, bias: bool, epsilon: float = _EPSILON) -> nn.Sequential:
    """A 7 x 7 convolution and a pool, of DenseNet too. Keras pads with zeros before the pool: none is above a ReLU."""
    return sequence(
        conv=conv(3, 64, 7, 2, padding=3, bias=bias),
        bn=norm(64, epsilon),
        relu=nn.ReLU(inplace=True),
        pool=nn.MaxPool2d(3, 2, 1),
    )


def resnet(*blocks: int, epsilon: float = _EPSILON) -> nn.Sequential:
    """Four stages of so many blocks each; `epsilon` is that of the batch norms."""
    stages, inputs = dict[str, nn.Module](), 64
    for i, count in enumerate(blocks):
        filters = 64 * 2**i
        layers: dict[str, nn.Module] = {
            "block1": Bottleneck(inputs, filters, 1 if i == 0 else 2, project=True, epsilon=epsilon),
        }
        for j in range(2, count + 1):
            layers[f"block{j}"] = Bottleneck(4 * filters, filters, 1, project=False, epsilon=epsilon)
        stages[f"conv{i + 2}"], inputs = sequence(**layers), 4 * filters
    return network(conv1=stem(bias=True, epsilon=epsilon), **stages)


def renamed(name: str) -> str:
    """The present name of a layer of ResNet50 in Keras 2.0 to 2.2; any other name as it is.

    >>> renamed("res2a_branch2b"), renamed("bn5c_branch1"), renamed("bn_conv1"), renamed("fc1000")
    ('conv2_block1_2_conv', 'conv5_block3_0_bn', 'conv1_bn', 'predictions')
    """
    old = re.fullmatch(r"(res|bn)(\d)([a-z])_branch(1|2[abc])", name)
    if old is None:
        return {"conv1": "conv1_conv", "bn_conv1": "conv1_bn", "fc1000": "predictions"}.get(name, name)
    kind, stage, block, branch = old.groups()
    part = "abc".find(branch[-1]) + 1  # 0 for branch 1, the shortcut
    return f"conv{stage}_block{ord(block) - ord('a') + 1}_{part}_{'conv' if kind == 'res' else 'bn'}"
