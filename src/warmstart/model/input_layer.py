"""The layer through which a network sees its input: found by running the network, not by its name."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.bands import Origins, spread
from warmstart.model.modes import evaluating

Convolution = nn.Conv1d | nn.Conv2d


def input_layer(module: nn.Module, example: Tensor) -> Convolution:
    """The convolution (or patch embedding) that alone consumes the input.

    It is the first that is called with all channels of the input, and without its weights the output says nothing about
    the input any more.

    Args:
        module: takes images (n, channels, height, width), or series (n, channels, steps).
        example: an input that it accepts.

    Raises:
        BackboneError: there is no such layer, or it sees the channels in groups.

    >>> input_layer(nn.Sequential(nn.ReLU(), nn.Conv2d(3, 8, 3), nn.Conv2d(8, 3, 3)), torch.rand(1, 3, 8, 8))
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
    """
    called = [layer for layer, x in _convolutions(module, example) if x.shape[1] == example.shape[1]]
    if not called or not _is_only_way_in(module, called[0], example):
        raise BackboneError(
            f"no single convolution of this {type(module).__name__} takes its input of {example.shape[1]} channels",
            expected="a first convolution or patch embedding through which everything passes",
            do="use it with the channels it was trained with",
        )
    if called[0].groups > 1:
        raise BackboneError(
            f"the first convolution of this {type(module).__name__} sees its channels in {called[0].groups} groups",
            expected="one that sees all of them together",
            do="use it with the channels it was trained with",
        )
    return called[0]


def patch_size(module: nn.Module, example: Tensor) -> int:
    """The stride, in pixels, of the first convolution that sees the whole image; 1 if there is none.

    >>> patch_size(nn.Conv2d(3, 8, 4, stride=4), torch.rand(1, 3, 8, 8))
    4
    """
    whole = (layer for layer, x in _convolutions(module, example) if x.shape[2:] == example.shape[2:])
    first = next(whole, None)
    return 1 if first is None else int(first.stride[0])


def inflate(layer: Convolution, chosen: Origins) -> None:
    """Give `layer` the chosen channels, with weights that keep the scale of its output (`warmstart.model.bands`)."""
    _put(layer, spread(layer.weight.detach(), chosen))


def redraw(layer: Convolution, channels: int, seed: int) -> None:
    """Give `layer` random weights for so many channels: as spread as they were, for the scale of its output to stay."""
    outputs, before, *kernel = layer.weight.shape
    drawn = torch.randn(outputs, channels, *kernel, generator=torch.Generator().manual_seed(seed))
    _put(layer, drawn * layer.weight.detach().std() * math.sqrt(before / channels))


def _convolutions(module: nn.Module, example: Tensor) -> list[tuple[Convolution, Tensor]]:
    """Every convolution with what it is given, (n, c, h, w) or (n, c, t), in the order in which they are called."""
    called: list[tuple[Convolution, Tensor]] = []

    def note(part: nn.Module, args: tuple[Any, ...]) -> None:
        if isinstance(part, Convolution):
            called.append((part, args[0]))

    hooks = [part.register_forward_pre_hook(note) for part in module.modules()]
    try:
        with evaluating(module), torch.no_grad():
            module(example.clone())
    finally:
        for hook in hooks:
            hook.remove()
    return called


def _put(layer: Convolution, weight: Tensor) -> None:
    layer.weight = nn.Parameter(weight.to(layer.weight.dtype), requires_grad=layer.weight.requires_grad)
    layer.in_channels = weight.shape[1]


def _is_only_way_in(module: nn.Module, layer: Convolution, example: Tensor) -> bool:
    weight = layer.weight.detach().clone()
    with evaluating(module), torch.no_grad():
        layer.weight.zero_()
        try:
            return torch.allclose(module(example.clone()), module(-example), equal_nan=True)
        finally:
            layer.weight.copy_(weight)
