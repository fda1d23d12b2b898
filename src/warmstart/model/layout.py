"""Where activations with their channels last in memory are not safe to train with on a CPU."""

from __future__ import annotations

from torch import nn

CHANNEL_BLOCK = 16  # of AVX-512; 8 with AVX2


def unsafe_channels_last(network: nn.Module) -> bool:
    """Whether oneDNN's backward pass would corrupt memory where activations are channels last.

    oneDNN (3.12 and 3.13 at least) writes outside its scratchpad in the weight gradient of a strided 1x1 convolution
    with fewer input channels than its block when activations are channels last (uxlfoundation/oneDNN issue 6035): a
    crash if one is lucky, wrong gradients if not. Such layers are rare outside of very small networks.

    >>> unsafe_channels_last(nn.Conv2d(8, 16, 1, stride=2)), unsafe_channels_last(nn.Conv2d(8, 16, 3, stride=2))
    (True, False)
    """
    return any(_is_unsafe(module) for module in network.modules())


def _is_unsafe(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and module.in_channels // module.groups < CHANNEL_BLOCK
    )
