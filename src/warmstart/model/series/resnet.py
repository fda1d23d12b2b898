"""The residual network for time series of Wang, Yan and Oates (2017), section II.C, as in Fawaz et al. (2019)."""

from __future__ import annotations

from torch import Tensor, nn

from warmstart.model.series.layers import ConvBlock, MeanOverTime, convolution, norm


class _Residual(nn.Module):
    """Convolutions of 8, 5 and 3 steps beside a shortcut, which has a convolution where the width changes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = ConvBlock(inputs, outputs, 8)
        self.conv2 = ConvBlock(outputs, outputs, 5)
        self.conv3 = ConvBlock(outputs, outputs, 3, activates=False)
        layers = [norm(outputs)] if inputs == outputs else [convolution(inputs, outputs, 1), norm(outputs)]
        self.shortcut = nn.Sequential(*layers)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.shortcut(x) + self.conv3(self.conv2(self.conv1(x))))
        return out


class ResNet1D(nn.Module):
    """Series (n, channels, steps) to features (n, 128): three residual blocks of 64, 128 and 128 filters.

    A series of one channel has a convolution in its shortcut too, as there.

    >>> sum(parameter.numel() for parameter in ResNet1D().parameters())
    504000
    """

    first = "block1.conv1.conv.weight"

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.block1 = _Residual(channels, 64)
        self.block2 = _Residual(64, 128)
        self.block3 = _Residual(128, 128)
        self.pool = MeanOverTime()

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        out: Tensor = self.pool(self.block3(self.block2(self.block1(x))))
        return out

    def of_channels(self, channels: int) -> ResNet1D:
        """The same for so many channels, with random weights."""
        return ResNet1D(channels)
