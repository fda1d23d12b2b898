"""Features of several blocks: what lower blocks see, beside what the last one makes of it.

The last block's features are made for the data that the weights were trained on; on other data what lies below is often
worth more (Head2Toe, Evci et al. 2022), and the linear evaluation of DINOv2 takes several blocks too. A tap is the mean
and the maximum over positions of a block's activation. Accuracy of the default head on frozen EfficientNet-Lite0, in
per cent of 2000 test images, the last block alone and with three taps; means of four draws at 100 labels, one at 1000:

                    100 labels        1000 labels
    Fashion-MNIST   76.9 -> 78.5      84.9 -> 86.5
    MNIST           73.8 -> 82.7      92.8 -> 95.8
    CIFAR-10        75.2 -> 75.9      86.2 -> 87.0

Means without maxima gained less throughout; taps further down gained more on the first two and lost on the third.
"""

from __future__ import annotations

import dataclasses
import itertools

import torch

from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone, FeatureGroup
from warmstart.model.inputs import Images, Steps
from warmstart.model.series.channels import PerChannel
from warmstart.model.trace import tapped_chain
from warmstart.model.uri import Uri

UPPER = 0.6
"""Share of the cuts below which a block is not tapped by default."""
MOST = 4
"""Taps by default, at most: the blocks of a transformer are many and much alike."""
FEATURES = "features"
"""Name of the group of columns that are the backbone's own features."""


def default_taps(backbone: Backbone) -> int:
    """How many blocks to tap where nothing was said: those that end in the upper part of the network.

    >>> from warmstart.model.catalog import load_backbone
    >>> default_taps(load_backbone("toy"))
    1
    """
    cuts = len(backbone.chain.cuts) - 1
    return min(MOST, sum(cut >= UPPER * cuts for cut in _tappable(backbone)))


def most_taps(backbone: Backbone) -> int:
    """How many blocks can be tapped.

    >>> from warmstart.model.catalog import load_backbone
    >>> most_taps(load_backbone("toy"))
    3
    """
    return len(_tappable(backbone))


def tapped(backbone: Backbone, taps: int) -> Backbone:
    """The backbone with the means and maxima of its last `taps` lower blocks before its own features.

    It shares the modules, and with them the weights, of `backbone`; names of parameters and blocks are the same. Its
    chain has no cut above the lowest tap but the last: what is read there has to pass. `backbone` is returned as it is
    where there is nothing to tap.

    Raises:
        BackboneError: it has fewer blocks that can be tapped.
    """
    cuts = _tappable(backbone)
    if taps > len(cuts):
        raise BackboneError(
            f"{taps} taps on {backbone.card.name}",
            expected=f"at most {len(cuts)}, the blocks below its last whose activations have positions to pool over",
            do="ask for fewer, or leave them out",
        )
    if not taps:
        return backbone
    old, chosen = backbone.chain, {cut: cuts[cut] for cut in sorted(cuts)[-taps:]}
    size = _sizes(backbone)[0]
    module = old.tapped({cut: where for cut, (where, _) in chosen.items()})
    widths = [(old.block_at(cut).name, 2 * width) for cut, (_, width) in chosen.items()]
    widths.append((FEATURES, backbone.out_features))
    name = " + ".join(name for name, _ in widths)
    example = old.inputs.example(2, size, old.module)
    example = torch.linspace(-1, 1, example.numel()).reshape(example.shape)
    card = dataclasses.replace(backbone.card, name=str(dataclasses.replace(Uri.of(backbone.card.name), taps=taps)))
    return dataclasses.replace(
        backbone,
        chain=tapped_chain(module, example, old, lowest=min(chosen), name=name),
        out_features=sum(width for _, width in widths),
        card=card,
        groups=_groups(widths),
        source_head=None,
    )


def _tappable(backbone: Backbone) -> dict[int, tuple[tuple[int, ...], int]]:
    """By cut at the end of a block (the last is none): the dimensions to pool over, and the number of channels."""
    if not isinstance(backbone.chain.inputs, Images | Steps) or isinstance(backbone.module, PerChannel):
        return {}
    chain, sizes = backbone.chain, _sizes(backbone)
    found = {}
    for cut in sorted({block.cut for block in chain.blocks if 0 < block.cut < len(chain.cuts) - 1}):
        shapes = [chain.activation_shape(cut, size) for size in sizes]
        where = positions(*shapes)
        channels = [n for axis, n in enumerate(shapes[0], 1) if axis not in where]
        if where and len(channels) == 1:
            found[cut] = (where, channels[0])
    return found


def positions(shape: tuple[int, ...], *larger: tuple[int, ...]) -> tuple[int, ...]:
    """Which dimensions of a batch of activations of `shape` (per sample) are places in the image; empty if unclear.

    Those that grow with the image. For a network of one size: the tokens of (tokens, d), the two equal ones of three.

    >>> positions((16, 16, 16), (16, 32, 32)), positions((7, 7, 96)), positions((196, 384)), positions((64,))
    ((2, 3), (1, 2), (1,), ())
    """
    if larger:
        return tuple(axis for axis, (a, b) in enumerate(zip(shape, larger[0], strict=True), 1) if a != b)
    if len(shape) == 2:
        return (1,)
    if len(shape) == 3 and len(set(shape)) == 2:
        return (2, 3) if shape[1] == shape[2] else (1, 2) if shape[0] == shape[1] else ()
    return ()


def _sizes(backbone: Backbone) -> tuple[int, ...]:
    """Input sides to look at the shapes of activations with: its own, or two of those it accepts."""
    if backbone.card.fixed_size:
        return (backbone.spec.size,)
    smallest = max(backbone.card.min_size, 64)
    return (smallest, 2 * smallest)


def _groups(widths: list[tuple[str, int]]) -> tuple[FeatureGroup, ...]:
    stops = list(itertools.accumulate(width for _, width in widths))
    return tuple(FeatureGroup(name, stop - width, stop) for (name, width), stop in zip(widths, stops, strict=True))
