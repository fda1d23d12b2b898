"""Keras' weight files as layers with arrays, through h5py alone. Nothing in a file is executed or followed elsewhere.

Three layouts: Keras 2's `save_weights` (and Keras 3's legacy one), with names of layers and of weights in attributes;
the same below `model_weights` in a file of a whole model; and Keras 3's `.weights.h5`, where a layer is a path of
classes with counters (`layers/conv2d_3/vars/0`) that has its name as an attribute since Keras 3.7 or so.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.errors import BackboneError, MissingExtraError

Array = npt.NDArray[Any]
Group = Any  # h5py has no types

_MOST_BYTES = 2**31
"""Of one array: the largest that Keras' networks have, VGG's first dense layer, takes a fifth of it."""


@dataclasses.dataclass(frozen=True)
class StoredLayer:
    """A layer and its weights, in order: by name where the file has names (`kernel`), else by number (`0`)."""

    name: str  # "conv1_conv"; where the file has none, the path: "layers/conv2d_3"
    named: bool
    weights: dict[str, Array]

    @property
    def counted(self) -> tuple[str, int]:
        """The class in snake case and its counter, where Keras made the name of them: conv2d_3 is ("conv2d", 3)."""
        kind, _, number = self.name.rpartition("/")[2].rpartition("_")
        return (kind, int(number)) if kind and number.isdecimal() else (self.name.rpartition("/")[2], 0)


def read_layers(path: Path) -> tuple[StoredLayer, ...]:
    """All layers of a file, in the file's order; those without weights too.

    Raises:
        BackboneError: there is no such file, it is damaged, no HDF5, or not written by Keras.
        MissingExtraError: h5py is not installed.
    """
    if not path.is_file():
        raise BackboneError(f"no weights file at {path}", expected="a .h5 or .weights.h5 file that Keras saved")
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise MissingExtraError(f"Keras weights file {path}", "keras") from error
    try:
        with h5py.File(path, "r") as file:
            layers = tuple(_layers(file))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        what = _start(path)
        raise BackboneError(  # what a damaged or hostile file makes h5py raise
            f"weights file {path} was refused: {f'it is {what}' if what else error}",
            expected="an HDF5 file, whole, as Keras' save_weights or save writes it",
            do="load it in Keras and save model.save_weights('NAME.weights.h5')"
            if "zip" in what
            else "copy or download the file again",
        ) from error
    if not any(layer.weights for layer in layers):
        raise BackboneError(
            f"{path} is an HDF5 file in which no layer with weights is found",
            expected="attributes `layer_names` and `weight_names`, or groups called `vars`",
            do="save the weights with model.save_weights('NAME.weights.h5')",
        )
    return layers


_STARTS = {b"PK\x03\x04": "a zip archive (.keras, .pt, .npz)", b"\x80": "a pickle", b"": "no HDF5 file"}


def _start(path: Path) -> str:
    """What the file is by its first bytes, if it is not what it should be."""
    with path.open("rb") as file:
        head = file.read(8)
    if head == b"\x89HDF\r\n\x1a\n":
        return ""
    return next(what for start, what in _STARTS.items() if head.startswith(start)) if head else "empty"


def _layers(file: Group) -> Iterator[StoredLayer]:
    root = file.get("model_weights", file)
    if _strings(root, "layer_names"):
        for name in _strings(root, "layer_names"):
            yield from _legacy(name, root[name])
    else:
        yield from sorted(_nested(file, ""), key=lambda layer: layer.counted[1])


def _legacy(name: str, group: Group) -> Iterator[StoredLayer]:
    """A layer, or the layers of a model that is a layer of another: their names precede those of the weights."""
    scopes = dict[str, dict[str, Array]]()
    for weight in _strings(group, "weight_names"):
        *scope, last = weight.split("/")
        variable = re.sub(r"(_\d+)?(:\d+)?$", "", last).removeprefix("depthwise_")
        scopes.setdefault(scope[-1] if scope else name, {})[variable] = _array(group, weight)
    for inner, weights in scopes.items():
        yield StoredLayer(inner if len(scopes) > 1 else name, True, weights)
    if not scopes:
        yield StoredLayer(name, True, {})


def _nested(group: Group, path: str) -> Iterator[StoredLayer]:
    """Layers below a group of Keras 3's layout; random generators and the optimizer have state that is none of ours."""
    for key in group:
        if key == "vars":
            weights = {name: _array(group, f"vars/{name}") for name in sorted(group[key], key=int)}
            name = group[key].attrs.get("name")
            yield StoredLayer(str(name or path), name is not None, weights)
        elif not re.match("seed_generator|optimizer|metrics|compile", key) and _is_group(group, key):
            yield from _nested(group[key], f"{path}/{key}".lstrip("/"))


def _strings(group: Group, name: str) -> list[str]:
    """An attribute that is a list of names; a long one is stored in numbered pieces."""
    pieces = [name] if name in group.attrs else []
    while f"{name}{len(pieces)}" in group.attrs and name not in group.attrs:
        pieces.append(f"{name}{len(pieces)}")
    return [item.decode() if isinstance(item, bytes) else str(item) for key in pieces for item in group.attrs[key]]


def _is_group(group: Group, key: str) -> bool:
    return _own(group, key) and hasattr(group[key], "keys")


def _own(group: Group, key: str) -> bool:
    """Whether something lies here, rather than a link to another place or another file."""
    link = group.get(key, getlink=True)
    return type(link).__name__ == "HardLink"


def _array(group: Group, name: str) -> Array:
    """The numbers of a dataset that lies in this file itself.

    Raises:
        ValueError: it lies elsewhere, is larger than any weight, or no numbers.
    """
    part = group
    for step in name.strip("/").split("/"):
        if step not in part or not _own(part, step):
            raise ValueError(f"{name!r} is missing, or a link to another place")
        part = part[step]
    if getattr(part, "external", None) or getattr(part, "is_virtual", True):
        raise ValueError(f"{name!r} is no array in this file")
    if part.dtype.kind not in "fiu" or part.nbytes > _MOST_BYTES:
        raise ValueError(f"{name!r} holds {part.nbytes} bytes of type {part.dtype}, which is no weight")
    return np.asarray(part)
