"""FCN, the fully convolutional network for time series of Wang, Yan and Oates (2017), section II.B.

As in the code of its review (Fawaz et al. 2019), which Fawaz et al. (2018) transfer between data sets.
"""

from __future__ import annotations

from torch import Tensor, nn

from warmstart.model.series.layers import ConvBlock, MeanOverTime


class FCN(nn.Module):
    """Series (n, channels, steps) to features (n, 128): three convolutions of 8, 5 and 3 steps, and their mean.

    >>> sum(parameter.numel() for parameter in FCN().parameters())
    264704
    """

    first = "block1.conv.weight"

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.block1 = ConvBlock(channels, 128, 8)
        self.block2 = ConvBlock(128, 256, 5)
        self.block3 = ConvBlock(256, 128, 3)
        self.pool = MeanOverTime()

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        out: Tensor = self.pool(self.block3(self.block2(self.block1(x))))
        return out

    def of_channels(self, channels: int) -> FCN:
        """The same for so many channels, with random weights."""
        return FCN(channels)
