"""What the convolutional networks for time series are made of, as Keras makes it: they were published in Keras.

Weights of convolutions are drawn by Glorot's uniform rule and biases are zero; batch norm keeps 0.99 of its running
statistics at a step (`momentum=0.01` in torch's words) and adds 1e-3 to a variance. "same" padding of a kernel of even
length has one step more behind than before; torch does the same, and warns, so the padding is a layer of its own.
"""

from __future__ import annotations

from torch import Tensor, nn

MOMENTUM, EPS = 0.01, 1e-3


def same(kernel: int) -> nn.Module:
    """Zeros around series (n, channels, steps), after which a convolution of that length leaves as many steps.

    >>> same(8)
    ConstantPad1d(padding=(3, 4), value=0)
    """
    before = (kernel - 1) // 2
    return nn.ConstantPad1d((before, kernel - 1 - before), 0) if kernel > 1 else nn.Identity()


def convolution(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> nn.Conv1d:
    """A convolution with Keras's initial weights; it does not pad."""
    layer = nn.Conv1d(inputs, outputs, kernel, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def norm(channels: int) -> nn.BatchNorm1d:
    """Batch norm as Keras has it."""
    return nn.BatchNorm1d(channels, eps=EPS, momentum=MOMENTUM)


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU: series (n, inputs, steps) to (n, outputs, steps).

    >>> import torch
    >>> ConvBlock(2, 5, 8)(torch.zeros(3, 2, 7)).shape
    torch.Size([3, 5, 7])
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, activates: bool = True) -> None:
        super().__init__()
        self.pad = same(kernel)
        self.conv = convolution(inputs, outputs, kernel)
        self.norm = norm(outputs)
        self.act = nn.ReLU() if activates else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """The block."""
        out: Tensor = self.act(self.norm(self.conv(self.pad(x))))
        return out


class MeanOverTime(nn.Module):
    """Global average pooling: (n, channels, steps) to (n, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        """The means."""
        return x.mean(-1)
