"""A backbone whose last stages keep the resolution: strides become dilation (Chen et al. 2017, section 3.1).

A layer that would halve the resolution beyond the output stride does not; the layers behind it read as far apart as
they did, which takes kernels with holes. So every weight sees what it saw, at more places.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import torch
from timm.layers.pool2d_same import AvgPool2dSame
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import example_input
from warmstart.model.backbone import Backbone
from warmstart.model.chain import Chain
from warmstart.model.inputs import Images
from warmstart.model.modes import evaluating
from warmstart.model.segments import Segments
from warmstart.model.taps import positions
from warmstart.model.trace import build_chain

_LARGE = 256
"""Pixels a side, at least, of the input by which the resolution at each layer is told."""


def dilated(backbone: Backbone, output_stride: int = 16) -> Backbone:
    """The backbone with no stride of more than `output_stride`, over the same weights; `backbone` stays as it is.

    Args:
        backbone: a convolutional one, that gives no packed maps yet: `pyramid(dilated(backbone), ...)`.
        output_stride: pixels of the input for each place at the end; a power of 2.

    Raises:
        BackboneError: it takes no images, or its resolution is lost in other ways than by convolutions.

    >>> from warmstart.model.catalog import load_backbone
    >>> toy = load_backbone("toy")
    >>> [each.chain.activation_shape(each.chain.cuts[-4].index, 32) for each in (toy, dilated(toy, 2))]
    [(20, 8, 8), (20, 16, 16)]
    """
    chain, size = backbone.chain, backbone.spec.size
    if not isinstance(chain.inputs, Images) or not isinstance(chain.segments, Segments) or backbone.groups:
        raise _impossible(backbone, "it is no traced network for images, with features of its own")
    if not backbone.card.fixed_size:
        size = max(_LARGE, size, 2 * backbone.card.min_size)
    new = {}
    for name, (layer, before) in _layers(backbone, size).items():
        stride = 2 ** round(math.log2(size / before))
        shrinks = _stride(layer) > 1 and stride * _stride(layer) > output_stride
        if shrinks or _spreads(layer, stride, output_stride):
            new[name] = _changed(backbone, name, layer, stride, output_stride)
    if not new:
        return backbone
    module = _replaced(backbone.module, "", new)
    try:
        whole = build_chain(module, example_input(backbone.preprocess, backbone.card))
        kept = _sides(whole, size)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise _impossible(backbone, str(error)) from error
    if kept != [max(side, size // output_stride) if side > 1 else side for side in _sides(chain, size)]:
        raise _impossible(backbone, f"not only its convolutions make maps of fewer places than one in {output_stride}")
    card = dataclasses.replace(
        backbone.card, architecture=f"{backbone.card.architecture}, output stride {output_stride}"
    )
    return dataclasses.replace(backbone, chain=whole, card=card)


def _spreads(layer: nn.Conv2d | nn.AvgPool2d, stride: int, output_stride: int) -> bool:
    """Whether it reads neighbours that are further apart now."""
    kernel = layer.kernel_size if isinstance(layer.kernel_size, tuple) else (layer.kernel_size,)
    return stride > output_stride and max(kernel) > 1


def _stride(layer: nn.Conv2d | nn.AvgPool2d) -> int:
    """The larger of its strides."""
    return max(layer.stride) if isinstance(layer.stride, tuple) else int(layer.stride)


def _impossible(backbone: Backbone, why: str) -> BackboneError:
    return BackboneError(
        f"the strides of {backbone.card.name!r} cannot become dilation: {why}",
        expected="a convolutional network: a ResNet, a MobileNet, an EfficientNet",
        do="choose another backbone, or a head that takes the maps as they are",
    )


def _layers(backbone: Backbone, size: int) -> dict[str, tuple[nn.Conv2d | nn.AvgPool2d, int]]:
    """Convolutions and mean pools by name, each with the places along an edge of its input."""
    names = {part: name for name, part in backbone.module.named_modules()}
    found: dict[str, tuple[nn.Conv2d | nn.AvgPool2d, int]] = {}

    def note(part: nn.Module, args: tuple[Tensor, ...]) -> None:
        if isinstance(part, nn.Conv2d | nn.AvgPool2d):
            found.setdefault(names[part], (part, args[0].shape[-1]))

    hooks = [part.register_forward_pre_hook(note) for part in names]
    try:
        with evaluating(backbone.module), torch.no_grad():
            backbone.module(backbone.chain.inputs.example(1, size, backbone.module))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _changed(
    backbone: Backbone, name: str, layer: nn.Conv2d | nn.AvgPool2d, stride: int, output_stride: int
) -> nn.Module:
    """The layer over the same weights, without its stride, with the dilation that is due where it stands.

    That is the stride of its input in the network as it was, over what it is now: a layer whose own stride goes has
    neighbours at the distance they had, those behind it are further apart.
    """
    if stride < output_stride:
        raise _impossible(backbone, f"{name} goes from a stride of {stride} to {stride * _stride(layer)} at once")
    if isinstance(layer, nn.AvgPool2d):
        if layer.kernel_size not in (2, (2, 2)) or _stride(layer) != 2:
            raise _impossible(backbone, f"{name} pools otherwise than over 2 x 2 places")
        return AvgPool2dSame(2, 1, ceil_mode=layer.ceil_mode, count_include_pad=layer.count_include_pad)
    factor = stride // output_stride
    new = type(layer).__new__(type(layer))
    new.__dict__.update(vars(layer))
    new.stride = (1, 1)
    new.dilation = (layer.dilation[0] * factor, layer.dilation[1] * factor)
    if not isinstance(layer.padding, str):
        new.padding = tuple(pad * factor for pad in layer.padding)
    return new


def _replaced(module: nn.Module, path: str, new: Mapping[str, nn.Module]) -> nn.Module:
    """A copy that shares all modules but those of `new`, which it has in their place, and what contains them."""
    if path in new:
        return new[path]
    start = f"{path}." if path else ""
    if not any(name.startswith(start) for name in new):
        return module
    copied = type(module).__new__(type(module))
    copied.__dict__.update(vars(module))
    copied.__dict__["_modules"] = {
        name: child if child is None else _replaced(child, start + name, new) for name, child in module._modules.items()
    }
    return copied


def _sides(chain: Chain, size: int) -> list[int]:
    """Places along an edge at every cut; 1 where the activation is no map."""
    sides = []
    for cut in range(len(chain.cuts)):
        shape = chain.activation_shape(cut, size)
        axes = (1,) if len(shape) == 3 and len(set(shape)) == 1 else positions(shape)  # any of three equal ones
        sides.append(shape[axes[0] - 1] if len(shape) == 3 and axes else 1)
    return sides
