"""The layers that Keras' networks are made of, one torch module for each, with the defaults of Keras.

Keras' `same` padding is symmetric where the stride is 1 and the kernel odd. With a stride of 2 it depends on the input:
an even side is padded more at its end. Keras' networks write this as `ZeroPadding2D(correct_pad(...))` and a `valid`
convolution too, which is the same.
"""

from __future__ import annotations

from collections import OrderedDict

from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

Kernel = int | tuple[int, int]


def conv(
    inputs: int,
    filters: int,
    kernel: Kernel,
    stride: int = 1,
    *,
    padding: str | int = "same",
    bias: bool = False,
    groups: int = 1,
) -> nn.Conv2d:
    """A convolution as Keras initialises it (Glorot's uniform distribution, no bias); `padding` is `same` or pixels."""
    height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    if padding == "same" and stride > 1:
        module: nn.Conv2d = Conv2dSame(inputs, filters, (height, width), stride, groups=groups, bias=bias)
    else:
        around = (height // 2, width // 2) if padding == "same" else int(padding)
        module = nn.Conv2d(inputs, filters, (height, width), stride, around, groups=groups, bias=bias)
    nn.init.xavier_uniform_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


def depthwise(channels: int, kernel: int, stride: int) -> nn.Conv2d:
    """A filter of its own for each channel."""
    return conv(channels, channels, kernel, stride, groups=channels)


def norm(channels: int, epsilon: float = 1e-3, momentum: float = 0.99) -> nn.BatchNorm2d:
    """Batch normalisation with Keras' defaults. Keras' momentum is the share of the old average that is kept."""
    return nn.BatchNorm2d(channels, eps=epsilon, momentum=1 - momentum)


class CentredNorm(nn.BatchNorm2d):
    """Keras' `BatchNormalization(scale=False)`: files hold no scale. Here it begins at one, and can be trained."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.01)


def sequence(**layers: nn.Module) -> nn.Sequential:
    """Named layers, one after the other. Names may begin with a digit: `sequence(**{"1_conv": ...})`."""
    return nn.Sequential(OrderedDict(layers))


def network(**parts: nn.Module) -> nn.Sequential:
    """Images (n, 3, height, width) to the means of the last activation over all positions, (n, filters)."""
    return sequence(**parts, avg_pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())


class SqueezeExcite(nn.Module):
    """Each channel times a factor in 0..1 that depends on the means of all channels (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = conv(channels, squeezed, 1, bias=True)
        self.activation = nn.SiLU(inplace=True)
        self.expand = conv(squeezed, channels, 1, bias=True)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) to the same shape."""
        scale: Tensor = self.gate(self.expand(self.activation(self.reduce(x.mean((2, 3), keepdim=True)))))
        return x * scale


class Inverted(nn.Sequential):
    """An inverted residual block (Sandler et al. 2018): its layers in order, plus its input where `skip`."""

    def __init__(self, layers: dict[str, nn.Module], *, skip: bool) -> None:
        super().__init__(OrderedDict(layers))
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, height, width) to (n, filters, height / stride, width / stride)."""
        y = x
        for layer in self:
            y = layer(y)
        return x + y if self.skip else y
