"""MobileNet v2 (Sandler et al. 2018) as in Keras."""

from __future__ import annotations

from torch import nn

from warmstart.model.keras.layers import Inverted, conv, depthwise, network, norm, sequence

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, filters, blocks, stride."""


def rounded(filters: float) -> int:
    """The nearest multiple of 8, but not less than 90 % of `filters`.

    >>> rounded(24), rounded(11.2), rounded(12 * 0.75)
    (24, 16, 16)
    """
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest


def _norm(channels: int) -> nn.BatchNorm2d:
    return norm(channels, momentum=0.999)


def _block(inputs: int, filters: int, expansion: int, stride: int) -> Inverted:
    layers, wide = dict[str, nn.Module](), inputs * expansion
    if expansion > 1:
        layers["expand"] = conv(inputs, wide, 1)
        layers["expand_BN"] = _norm(wide)
        layers["expand_relu"] = nn.ReLU6(inplace=True)
    layers["depthwise"] = depthwise(wide, 3, stride)
    layers["depthwise_BN"] = _norm(wide)
    layers["depthwise_relu"] = nn.ReLU6(inplace=True)
    layers["project"] = conv(wide, filters, 1)
    layers["project_BN"] = _norm(filters)
    return Inverted(layers, skip=stride == 1 and inputs == filters)


def mobilenet_v2(alpha: float) -> nn.Sequential:
    """Seven stages, as wide as `alpha` times the paper's."""
    channels = rounded(32 * alpha)
    first, last = conv(3, channels, 3, 2), rounded(1280 * max(alpha, 1.0))
    first_norm, stages, block = _norm(channels), list[nn.Module](), 0
    for expansion, width, count, stride in _STAGES:
        filters, blocks = rounded(int(width * alpha)), dict[str, nn.Module]()
        for i in range(count):
            name = f"block_{block}" if block else "expanded_conv"
            blocks[name] = _block(channels, filters, expansion, stride if i == 0 else 1)
            channels, block = filters, block + 1
        stages.append(sequence(**blocks))
    return network(
        Conv1=first,
        bn_Conv1=first_norm,
        Conv1_relu=nn.ReLU6(inplace=True),
        stages=nn.Sequential(*stages),
        Conv_1=conv(channels, last, 1),
        Conv_1_bn=_norm(last),
        out_relu=nn.ReLU6(inplace=True),
    )
