"""The memory layout of images and weights while training: channels last, except where that would corrupt memory."""

from __future__ import annotations

import torch
from torch import nn

CHANNEL_BLOCK = 16  # of AVX-512; 8 with AVX2


def training_layout(network: nn.Module, device: torch.device) -> torch.memory_format:
    """Channels last is 1.5 to 2 times as fast for convolutions; plain where oneDNN's backward pass is not safe with it.

    oneDNN (3.12 and 3.13 at least) writes outside its scratchpad in the weight gradient of a strided 1x1 convolution
    with fewer input channels than its block when activations are channels last (uxlfoundation/oneDNN issue 6035): a
    crash if one is lucky, wrong gradients if not. Such layers are rare outside of very small networks.

    >>> training_layout(nn.Conv2d(8, 16, 1, stride=2), torch.device("cpu"))
    torch.contiguous_format
    """
    unsafe = device.type == "cpu" and any(_is_unsafe(module) for module in network.modules())
    return torch.contiguous_format if unsafe else torch.channels_last


def _is_unsafe(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and module.in_channels // module.groups < CHANNEL_BLOCK
    )
