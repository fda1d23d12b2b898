"""Inception-ResNet v2 (Szegedy et al. 2017) as in Keras."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from warmstart.model.keras.inception import STEM, Conv, Step, chain, mixed
from warmstart.model.keras.layers import CentredNorm, conv, network, sequence

_STEM: tuple[list[Step], ...] = (
    [Conv(96, 1)],
    [Conv(48, 1), Conv(64, 5)],
    [Conv(64, 1), Conv(96, 3), Conv(96, 3)],
    ["avg", Conv(64, 1)],
)
_FIRST: tuple[list[Step], ...] = (
    [Conv(384, 3, 2)],
    [Conv(256, 1), Conv(256, 3), Conv(384, 3, 2)],
    ["max"],
)
_SECOND: tuple[list[Step], ...] = (
    [Conv(256, 1), Conv(384, 3, 2)],
    [Conv(256, 1), Conv(288, 3, 2)],
    [Conv(256, 1), Conv(288, 3), Conv(320, 3, 2)],
    ["max"],
)
_BLOCK35: tuple[list[Step], ...] = (
    [Conv(32, 1)],
    [Conv(32, 1), Conv(32, 3)],
    [Conv(32, 1), Conv(48, 3), Conv(64, 3)],
)
_BLOCK17: tuple[list[Step], ...] = (
    [Conv(192, 1)],
    [Conv(128, 1), Conv(160, (1, 7)), Conv(192, (7, 1))],
)
_BLOCK8: tuple[list[Step], ...] = (
    [Conv(192, 1)],
    [Conv(192, 1), Conv(224, (1, 3)), Conv(256, (3, 1))],
)


class Residual(nn.Module):
    """The input plus `scale` times what the branches make of it."""

    def __init__(self, channels: int, branches: Sequence[Sequence[Step]], scale: float, *, last: bool = False) -> None:
        super().__init__()
        self.mixed, joined = mixed(channels, *branches)
        self.conv = conv(joined, channels, 1, bias=True)
        self.ac = nn.Identity() if last else nn.ReLU(inplace=True)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """The shape does not change."""
        out: Tensor = self.ac(x + self.conv(self.mixed(x)) * self.scale)
        return out


def _stack(channels: int, branches: Sequence[Sequence[Step]], scale: float, count: int) -> dict[str, nn.Module]:
    return {str(i): Residual(channels, branches, scale) for i in range(1, count + 1)}


def inception_resnet_v2() -> nn.Sequential:
    """A stem and three stacks of 10, 20 and 10 residual blocks, named as in Keras."""
    stem, channels = chain(3, STEM)
    mixed_5b, channels = mixed(channels, *_STEM)
    block35 = _stack(channels, _BLOCK35, 0.17, 10)
    mixed_6a, wider = mixed(channels, *_FIRST)
    block17 = _stack(wider, _BLOCK17, 0.1, 20)
    mixed_7a, widest = mixed(wider, *_SECOND)
    block8 = _stack(widest, _BLOCK8, 0.2, 9) | {"10": Residual(widest, _BLOCK8, 1.0, last=True)}
    return network(
        stem=stem,
        mixed_5b=mixed_5b,
        block35=sequence(**block35),
        mixed_6a=mixed_6a,
        block17=sequence(**block17),
        mixed_7a=mixed_7a,
        block8=sequence(**block8),
        conv_7b=conv(widest, 1536, 1),
        conv_7b_bn=CentredNorm(1536),
        conv_7b_ac=nn.ReLU(inplace=True),
    )
