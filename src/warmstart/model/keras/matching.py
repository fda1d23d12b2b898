"""Layers of a file to modules of a network: by name where the file has names, by order where it has not."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.keras.architectures import ARCHITECTURES, OLD_RESNET50
from warmstart.model.keras.hdf5 import Array, StoredLayer
from warmstart.model.keras.names import Slot, in_file_order, slots
from warmstart.model.keras.resnet import renamed

_IN_TORCH = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
_BY_NUMBER = {"normalization": ("mean", "variance", "count")}


@dataclasses.dataclass(frozen=True)
class Match:
    """The layer of the file for each slot, and those of the file that no slot wants (the top)."""

    pairs: tuple[tuple[Slot, StoredLayer], ...]
    rest: tuple[StoredLayer, ...]


def match(network: nn.Module, layers: Sequence[StoredLayer], name: str, source: str) -> Match:
    """Find the layer for each slot of `network`, which is the architecture `name`, and check every shape.

    Raises:
        BackboneError: naming the first parameter that does not fit, and the architecture that the file fits best.
    """
    wanted = slots(network)
    with_names = all(layer.named for layer in layers)
    found = _by_name(wanted, layers) if with_names else _by_order(network, wanted, layers)
    for slot in wanted:
        layer = found.get(slot.path)
        shapes = dict[str, tuple[int, ...]]() if layer is None else _shapes(slot, layer)
        for variable, shape in slot.weights.items():
            if shapes.get(variable) != shape:
                there = f"has shape {shapes[variable]}" if variable in shapes else "is missing"
                raise _mismatch(f"{_label(slot, layer)}/{variable} {there}", f"shape {shape}", layers, name, source)
        surplus = [variable for variable in shapes if variable not in slot.weights and variable != "count"]
        if surplus:
            raise _mismatch(f"{_label(slot, layer)}/{surplus[0]} is there", "no such weight", layers, name, source)
    taken = {id(layer) for layer in found.values()}
    rest = tuple(layer for layer in layers if id(layer) not in taken)
    for layer in rest:
        for variable, value in layer.weights.items():
            if value.ndim == 4:
                there = f"{layer.name}/{variable} has shape {value.shape}"
                raise _mismatch(there, "no such convolution", layers, name, source)
    return Match(tuple((slot, found[slot.path]) for slot in wanted), rest)


def assign(network: nn.Module, pairs: Iterable[tuple[Slot, StoredLayer]]) -> None:
    """Copy the arrays of a match into the modules, as torch lays them out. `Normalization` is left to its own."""
    with torch.no_grad():
        for slot, layer in pairs:
            module, values = network.get_submodule(slot.path), named(slot, layer)
            if isinstance(module, nn.Conv2d):
                axes = (2, 3, 0, 1) if module.groups > 1 else (3, 2, 0, 1)
                module.weight.copy_(torch.from_numpy(values["kernel"].transpose(axes).astype("float32")))
                if module.bias is not None:
                    module.bias.copy_(torch.from_numpy(values["bias"].astype("float32")))
            elif isinstance(module, nn.BatchNorm2d):
                state = {_IN_TORCH[name]: torch.from_numpy(values[name].astype("float32")) for name in slot.weights}
                module.load_state_dict(module.state_dict() | state)


def named(slot: Slot, layer: StoredLayer) -> dict[str, Array]:
    """The layer's arrays by Keras' names of them; where the file has numbers, they count in Keras' order."""
    if not all(key.isdecimal() for key in layer.weights):
        return layer.weights
    names = [*_BY_NUMBER.get(slot.kind, slot.weights)]
    names += [str(i) for i in range(len(names), len(layer.weights))]
    return dict(zip(names, layer.weights.values(), strict=False))


def _by_name(wanted: Sequence[Slot], layers: Sequence[StoredLayer]) -> dict[str, StoredLayer]:
    """Counted names say in which order the layers were created, wherever the counter began."""
    by_name = {layer.name: layer for layer in layers}
    found = {slot.path: by_name[slot.name] for slot in wanted if slot.name in by_name}
    for kind in {slot.kind for slot in wanted if not slot.name}:
        places = [slot for slot in wanted if not slot.name and slot.kind == kind]
        found |= _in_turn(places, sorted(_of(kind, layers), key=lambda layer: layer.counted))
    return found


def _by_order(network: nn.Module, wanted: list[Slot], layers: Sequence[StoredLayer]) -> dict[str, StoredLayer]:
    found = dict[str, StoredLayer]()
    for kind in {slot.kind for slot in wanted}:
        places = [slot for slot in in_file_order(network, wanted) if slot.kind == kind]
        found |= _in_turn(places, _of(kind, layers))
    return found


def _of(kind: str, layers: Sequence[StoredLayer]) -> list[StoredLayer]:
    return [layer for layer in layers if layer.counted[0] == kind and layer.weights]


def _in_turn(places: Sequence[Slot], layers: Sequence[StoredLayer]) -> dict[str, StoredLayer]:
    return {slot.path: layer for slot, layer in zip(places, layers, strict=False)}


def _shapes(slot: Slot, layer: StoredLayer) -> dict[str, tuple[int, ...]]:
    """As Keras has them; those of a normalisation without the dimensions of one element that older versions add."""
    flat = slot.kind == "normalization"
    return {
        variable: ((value.size,) if flat and variable != "count" else value.shape)
        for variable, value in named(slot, layer).items()
    }


def _label(slot: Slot, layer: StoredLayer | None) -> str:
    return layer.name if layer is not None else slot.name or f"{slot.kind} for {slot.path}"


def _mismatch(found: str, expected: str, layers: Sequence[StoredLayer], name: str, source: str) -> BackboneError:
    shapes = Counter(value.shape for layer in layers for value in layer.weights.values())
    best, share = _nearest(shapes)
    if any(renamed(layer.name) != layer.name for layer in layers) and name == "resnet50":
        do = f"it is the ResNet50 of Keras 2.0 to 2.2: 'keras:{OLD_RESNET50}@{source}'"
        return BackboneError(f"{source} does not fit {name!r}: {found}", expected=expected, do=do)
    do = "it is not a network of keras.applications that can be read here"
    if best == name:
        do = f"{share:.0%} of the shapes fit, but a layer was changed or renamed: save the weights of Keras' own model"
    elif share > 0.5:
        do = f"the nearest is 'keras:{best}': {share:.0%} of its shapes are in the file"
    return BackboneError(f"{source} does not fit {name!r}: {found}", expected=expected, do=do)


def _nearest(shapes: Counter[tuple[int, ...]]) -> tuple[str, float]:
    """The architecture that shares most shapes with a file, counted; and what share of all of both that is."""
    shared = dict[str, float]()
    for name in ARCHITECTURES:
        own = _shapes_of(name)
        shared[name] = (own & shapes).total() / (own | shapes).total()
    best = max(shared, key=shared.__getitem__)
    return best, shared[best]


@functools.cache
def _shapes_of(name: str) -> Counter[tuple[int, ...]]:
    with torch.device("meta"):
        return Counter(shape for slot in slots(ARCHITECTURES[name].build()) for shape in slot.weights.values())
