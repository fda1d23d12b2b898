"""A backbone that gives maps of several strides, for networks that find boxes or masks: its features are one row.

Where the maps come from is said in `warmstart.model.levels`, how several pass from block to block in
`warmstart.model.packed`.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone
from warmstart.model.chain import Block, Chain, Cut
from warmstart.model.inputs import Images
from warmstart.model.layout import unsafe_channels_last
from warmstart.model.levels import levels_of, no_maps
from warmstart.model.maps import Maps
from warmstart.model.modes import evaluating
from warmstart.model.packed import Level, PackedSegments, Shape, laid, walk
from warmstart.model.segments import Segments
from warmstart.model.weights import state_sha256

STRIDES = (4, 8, 16, 32)
"""What most heads read."""
_ENOUGH = 128
"""Pixels a side of an input that leaves several places at a stride of 32: of one alone the layout says nothing."""


def pyramid(backbone: Backbone, strides: tuple[int, ...] = STRIDES, *, size: int | None = None) -> Backbone:
    """The backbone with maps of some strides as its features, one row (n, K) for each image; `maps` unpacks it.

    It shares the modules, and with them the weights, of `backbone`, which stays as it is; names of parameters are the
    same, and what only computes what is above the last map is left out. Cuts up to the lowest map are those of
    `backbone`; at each above it, the activation is a row, too (`warmstart.model.packed`).

    Args:
        backbone: for images.
        strides: pixels of the input for each place; powers of 2, ascending.
        size: of the inputs that `maps` are for, pixels a side; by default that of its preprocessing.

    Raises:
        BackboneError: it gives no maps, or none of such a stride, or does not take inputs of that size.

    >>> from warmstart.model.catalog import load_backbone
    >>> found = pyramid(load_backbone("toy"), (1, 2, 4))
    >>> [tuple(each.shape) for each in found.maps.unpack(found.chain(torch.rand(2, 3, 32, 32)))]
    [(2, 8, 32, 32), (2, 16, 16, 16), (2, 20, 8, 8)]
    """
    if not strides or list(strides) != sorted(set(strides)) or any(stride < 1 for stride in strides):
        raise ValueError(f"strides ascend, and each is 1 pixel or more: {strides}")
    size = backbone.spec.size if size is None else size
    if backbone.maps is not None and backbone.maps.strides == strides and backbone.maps.size == size:
        return backbone
    segments = _segments(backbone, size)
    levels, names = levels_of(backbone, strides)
    last = max(level.cut for level in levels)
    module = pruned(backbone.module, *segments.used(0, last))
    inside = segments.until(last, module)
    packed = PackedSegments(inside, levels, _orders(backbone, inside), backbone.chain.inputs, size)
    _run_by(module, packed)
    chain = backbone.chain
    whole = Chain(module, _cuts(chain, levels, names), _blocks(chain, module, last), packed, "", chain.inputs)
    maps = _maps(chain, levels, names, strides, size)
    card = dataclasses.replace(
        backbone.card,
        weights_sha256=state_sha256(module.state_dict()),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
    )
    spec = backbone.preprocess.with_size(size)
    return dataclasses.replace(
        backbone, chain=whole, out_features=maps.width, maps=maps, spec=spec, card=card, source_head=None
    )


def _segments(backbone: Backbone, size: int) -> Segments:
    """The parts of the backbone, if it can give maps for inputs of `size` at all."""
    chain, card = backbone.chain, backbone.card
    if not isinstance(chain.inputs, Images):
        raise no_maps(backbone, f"it takes {chain.inputs.noun}, and no images")
    if backbone.groups:
        raise no_maps(backbone, "its features are those of several blocks already", do="leave ?taps out")
    if backbone.maps is not None:
        raise no_maps(
            backbone, f"it is one already, with strides {backbone.maps.strides}", do="make it of the backbone itself"
        )
    if not isinstance(chain.segments, Segments):
        raise no_maps(backbone, f"it cannot be cut ({chain.why_uncut})")
    if card.fixed_size and size != backbone.spec.size:
        raise BackboneError(
            f"maps for images of {size} pixels of {card.name!r}, which takes {backbone.spec.size} alone",
            do=f"load it for that size: ?size={size} behind its name",
        )
    if size < card.min_size:
        raise BackboneError(f"maps for images of {size} pixels of {card.name!r}", f"at least {card.min_size} pixels")
    return chain.segments


def pruned(module: nn.Module, modules: frozenset[str], attributes: frozenset[str]) -> nn.Module:
    """A copy of a network that shares the modules of these names, and the parameters and buffers of `attributes`; of
    what contains them it has copies that contain nothing else, and are never run.
    """
    return _pruned(module, "", modules, modules | attributes)


def _pruned(module: nn.Module, path: str, modules: frozenset[str], used: frozenset[str]) -> nn.Module:
    if path in modules:
        return module
    new = type(module).__new__(type(module))
    new.__dict__.update(vars(module))
    start = f"{path}." if path else ""
    for kind in ("_parameters", "_buffers"):
        held = {name: tensor for name, tensor in vars(module)[kind].items() if start + name in used}
        new.__dict__[kind] = held
    new.__dict__["_modules"] = {
        name: _pruned(child, start + name, modules, used)
        for name, child in module.named_children()
        if any(f"{other}.".startswith(f"{start}{name}.") for other in used)
    }
    return new


def _run_by(module: nn.Module, packed: PackedSegments) -> None:
    """Let the module do what the parts do, one after another."""
    kind, last = type(module), len(packed.inside.cuts) - 1

    def forward(self: nn.Module, x: Tensor) -> Tensor:
        return packed.compiled(self, 0, last)(self, x)

    module.__class__ = type(kind.__name__, (kind,), {"forward": forward})


def _orders(backbone: Backbone, inside: Segments) -> tuple[Shape, ...]:
    """How the activation at each cut lies in memory where images come with their channels last, if that is safe."""
    size = backbone.spec.size if backbone.card.fixed_size else max(backbone.card.min_size, _ENOUGH)
    order = (0, 1, 2, 3) if unsafe_channels_last(backbone.module) else (0, 2, 3, 1)
    x = laid(backbone.chain.inputs.example(1, size, backbone.module), order)
    with evaluating(backbone.module), torch.no_grad():
        return tuple(
            (0, *sorted(range(1, found.ndim), key=found.stride, reverse=True))
            for found in walk(inside, backbone.module, x)
        )


def _maps(chain: Chain, levels: tuple[Level, ...], names: tuple[str, ...], strides: Shape, size: int) -> Maps:
    sides, channels = [], []
    for level in levels:
        shape = chain.activation_shape(level.cut, size)
        *places, wide = [shape[axis - 1] for axis in level.order[1:]]
        sides.append(level.side(tuple(places)))
        channels.append(wide)
    return Maps(names, tuple(channels), strides, tuple(sides), size)


def _cuts(chain: Chain, levels: tuple[Level, ...], names: tuple[str, ...]) -> tuple[Cut, ...]:
    """Above the lowest map, names say what is in the row: equal weights do not make equal activations."""
    lowest, last = min(level.cut for level in levels), max(level.cut for level in levels)
    below = {level.cut: chain.cuts[level.cut].name for level in levels}
    cuts = list(chain.cuts[: lowest + 1])
    for cut in chain.cuts[lowest + 1 : last]:
        cuts.append(Cut(cut.index, " + ".join([*(name for at, name in below.items() if at < cut.index), cut.name])))
    resized = ["" if level.grid is None else f" for each {level.grid[2]} px" for level in levels]
    whole = " + ".join(f"{name}{how}" for name, how in zip(names, resized, strict=True))
    return (*cuts[:last], Cut(last, f"maps {whole}"))


def _blocks(chain: Chain, module: nn.Module, last: int) -> tuple[Block, ...]:
    """The blocks that hold something yet; the last of them ends at the last cut."""
    parameters = {name for name, _ in module.named_parameters()}
    buffers = {name for name, _ in module.named_buffers()}
    kept = [
        dataclasses.replace(
            block,
            cut=min(block.cut, last),
            parameters=tuple(name for name in block.parameters if name in parameters),
            buffers=tuple(name for name in block.buffers if name in buffers),
        )
        for block in chain.blocks
        if parameters.intersection(block.parameters)
    ]
    kept[-1] = dataclasses.replace(kept[-1], cut=last)
    return tuple(kept)
