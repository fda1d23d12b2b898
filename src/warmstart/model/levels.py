"""Which activation of a backbone is the map of a stride.

A convolutional network, or one of windows, gives the maps as they are at some of its cuts:

* at the end of the last block whose activation has that stride, as in feature pyramids (Lin et al. 2017, section 3);
* at the last cut of that stride, if no block ends at it (the layers before the pooling of a stem), or if the next block
  goes on at that stride and has nothing with weights behind it but its pooling (VGG);
* at the lowest resolution, before a final 1 x 1 convolution to more channels: it is there for a classifier (`conv_head`
  of EfficientNet, the last layer of MobileNets);
* where the weights were trained with a head that reads other ones: these (`Backbone.levels`).

A plain transformer has activations of one stride alone. Its maps are those of blocks spaced evenly, the finest from the
lowest, resized to each stride: the simple feature pyramid of Li et al. 2022 ("Exploring Plain Vision Transformer
Backbones for Object Detection", section 3) with interpolation in place of its layers, for heads have layers.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import example_input
from warmstart.model.backbone import Backbone
from warmstart.model.chain import Chain
from warmstart.model.input_layer import patch_size
from warmstart.model.norms import is_norm
from warmstart.model.packed import Level, Shape
from warmstart.model.taps import positions

LARGE = 256
"""Pixels a side, at least, of the inputs by which strides are told: at fewer, those of unpadded networks blur."""
_NEAR = 0.4
"""How far the stride of a map may be from a power of 2, in octaves: Inception's fourth is 35 at 299 pixels."""
_MOST_BEFORE = 16
"""Tokens before those of places, at most: of the class, and registers."""


@dataclasses.dataclass(frozen=True)
class _Place:
    """An activation with places in the image, and how many pixels of the input there are for each."""

    cut: int
    spatial: Shape  # dimensions of a batch of it
    pixels: float

    @property
    def stride(self) -> int:
        return int(2 ** round(math.log2(self.pixels)))


def no_maps(backbone: Backbone, why: str, *, do: str = "") -> BackboneError:
    """The error where a backbone gives no maps."""
    advice = do or "choose a backbone for images that can be cut: lite0, a ResNet, EfficientNet, ConvNeXt, Swin or ViT"
    return BackboneError(f"{backbone.card.name!r} gives no maps: {why}", expected="feature maps", do=advice)


def levels_of(backbone: Backbone, strides: Sequence[int]) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """Where the maps of `strides` come from, and the names of the blocks (or cuts inside blocks) that they are of.

    Raises:
        BackboneError: it has none, or none of such a stride.
    """
    places = _places(backbone)
    found = {stride for place in places if (stride := place.stride)}
    if len(found) < 2:
        return _plain(backbone, strides, places)
    chain = backbone.chain
    chosen = {stride: _chosen(chain, [place.cut for place in places if place.stride == stride]) for stride in found}
    coarsest = max(found)
    chosen[coarsest] = _unexpanded(chain, [p.cut for p in places if p.stride == coarsest], chosen[coarsest])
    at = {cut.name: cut.index for cut in chain.cuts}
    named = {stride: at[name] for stride, name in backbone.levels if name in at}
    chosen |= {place.stride: place.cut for place in places if named.get(place.stride) == place.cut}
    missing = [stride for stride in strides if stride not in chosen]
    if missing:
        raise BackboneError(
            f"{backbone.card.name!r} has no map of stride {' or '.join(map(str, missing))}",
            expected=f"strides out of {', '.join(map(str, sorted(chosen)))}",
            do="ask for these, or choose another backbone",
        )
    spatial = {place.cut: place.spatial for place in places}
    levels = tuple(Level(chosen[stride], _last_channels(spatial[chosen[stride]])) for stride in strides)
    return levels, tuple(_name(chain, level.cut) for level in levels)


def _last_channels(spatial: Shape) -> Shape:
    axes = range(1, 2 + len(spatial))
    return (0, *spatial, *(axis for axis in axes if axis not in spatial))


def _name(chain: Chain, cut: int) -> str:
    block = chain.block_at(cut)
    return block.name if cut == block.cut or block is chain.blocks[-1] else chain.cuts[cut].name


def _places(backbone: Backbone) -> list[_Place]:
    """Activations with as many places along both edges; those with more than one before are padded, or in a decoder."""
    chain, sizes = backbone.chain, _sizes(backbone)
    shapes = [[chain.activation_shape(cut, size) for size in sizes] for cut in range(len(chain.cuts))]
    spatial = [positions(*each) for each in shapes]
    usual = next((axes for axes, _ in Counter(axes for axes in spatial if len(axes) == 2).most_common(1)), ())
    found: list[_Place] = []
    for cut, (axes, (shape, *_)) in enumerate(zip(spatial, shapes, strict=True)):
        if cut == 0:
            continue
        if not axes and len(shape) == 3 and len(set(shape)) == 1:  # as many channels as places: as the others are
            axes = usual
        side = _side(axes, shape)
        if side < 2:
            continue
        place = _Place(cut, axes, sizes[0] / side)
        if place.pixels < (found[-1].pixels if found else 1):
            continue
        if abs(math.log2(place.pixels) - math.log2(place.stride)) <= _NEAR:
            found.append(place)
    return found


def _side(axes: Shape, shape: Shape) -> int:
    """Places along an edge; 0 if the activation is no square of them."""
    sides = [shape[axis - 1] for axis in axes]
    if len(sides) == 2 and len(shape) == 3:
        return sides[0] if sides[0] == sides[1] else 0
    if len(sides) == 1 and len(shape) == 2:
        root = math.isqrt(sides[0])
        return root if root**2 == sides[0] else 0
    return 0


def _sizes(backbone: Backbone) -> tuple[int, ...]:
    """Input sides to look at activations with: its own, or two of those it accepts, the one to measure with first."""
    card, own = backbone.card, backbone.spec.size
    if card.fixed_size:
        return (own,)
    large = max(LARGE, own, 2 * card.min_size)
    return (large, max(card.min_size, large // 2))


def _chosen(chain: Chain, cuts: Sequence[int]) -> int:
    """Of the cuts of one stride, that of the map; see the module docstring."""
    last, ends = cuts[-1], {block.cut for block in chain.blocks}
    end = max((cut for cut in cuts if cut in ends), default=None)
    if end is None or end == last:
        return last
    below = chain.parameters_below(last)
    goes_on = _weights(chain, below - chain.parameters_below(end))
    behind = _weights(chain, chain.parameters_below(chain.block_at(last).cut) - below)
    return last if goes_on and not behind else end


def _unexpanded(chain: Chain, cuts: Sequence[int], chosen: int) -> int:
    """The end of the block before, where that of the map is one 1 x 1 convolution to more channels."""
    ends = {block.cut for block in chain.blocks}
    before = max((cut for cut in cuts if cut in ends and cut < chosen), default=None)
    if before is None:
        return chosen
    added = _weights(chain, chain.parameters_below(chosen) - chain.parameters_below(before))
    shapes = [chain.module.get_parameter(name).shape for name in added]
    wider = len(shapes) == 1 and shapes[0][0] > shapes[0][1] and all(side == 1 for side in shapes[0][2:])
    return before if wider else chosen


def _weights(chain: Chain, names: frozenset[str]) -> list[str]:
    """Of these parameters, those with two dimensions or more that are of no normalisation."""
    module = chain.module
    return [
        name
        for name in names
        if module.get_parameter(name).ndim > 1 and not is_norm(module.get_submodule(name.rpartition(".")[0]))
    ]


def _plain(
    backbone: Backbone, strides: Sequence[int], places: Sequence[_Place]
) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """See the module docstring."""
    chain, size = backbone.chain, _sizes(backbone)[0]
    shapes = {cut: chain.activation_shape(cut, size) for cut in range(1, len(chain.cuts))}
    tokens = [cut for cut, shape in shapes.items() if len(shape) == 2]
    patch = patch_size(backbone.module, example_input(backbone.preprocess, backbone.card))
    cuts: list[int] = []
    before, order = 0, _last_channels((1,))
    if tokens:
        counts = Counter(shapes[cut][0] for cut in tokens)
        count = counts.most_common(1)[0][0]
        cuts, before = [cut for cut in tokens if shapes[cut][0] == count], count - (size // patch) ** 2
    elif places:
        patch, order = round(places[-1].pixels), _last_channels(places[-1].spatial)
        cuts = [place.cut for place in places if place.spatial == places[-1].spatial]
    if not cuts or not 0 <= before <= _MOST_BEFORE:
        raise no_maps(backbone, "its activations are no grid of places of the image")
    ends = [block.cut for block in chain.blocks if block.cut in cuts and block.cut < cuts[-1]]
    ends = [*ends, cuts[-1]][-max(len(ends), 1) :]  # the first is the embedding of patches
    n, k = len(ends), len(strides)
    chosen = [ends[math.ceil((i + 1) * n / k) - 1] for i in range(k)]
    levels = tuple(Level(cut, order, (before, patch, stride)) for cut, stride in zip(chosen, strides, strict=True))
    return levels, tuple(_name(chain, level.cut) for level in levels)
