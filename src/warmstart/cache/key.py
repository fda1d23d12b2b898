"""Content addresses: what an activation depends on, as a hash. No name, path or time is part of it.

A *space* is all that two activations share apart from their samples: the weights and structure below the cut, the
preprocessing, the cut, the number format and the versions of the code that computed them. Inside a space an activation
is addressed by the content of its sample. So train, validation and test sets, folds, and later runs with more data all
share what they have in common, and training what lies above the cut never makes a stored activation stale.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from warmstart.data.schema import Sample, Series, Text
from warmstart.model.activation import ActivationDtype
from warmstart.model.chain import Chain
from warmstart.model.runtimes.base import version
from warmstart.preprocess.cutting import Tile
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.spec import PreprocessSpec

FORMAT = 2
"""Raised when what is stored under a key would no longer be what this code computes."""

_READING = ("pillow", "warmstart", "format")
"""Of the versions, those of what makes pixels of a file."""
_ORIENTATION = 0x0112  # EXIF tag; the reader turns the image by it


def space_key(weights_sha256: str, spec: Spec, cut: int, dtype: ActivationDtype, runtime: str = "torch") -> str:
    """Address (64 hex digits) of the activations at `cut`; `weights_sha256` is from `prefix_sha256`.

    >>> a = space_key("w", PreprocessSpec(), 3, "fp32")
    >>> a == space_key("w", PreprocessSpec().with_size(96), 3, "fp32")
    False
    """
    facts = {
        "weights": weights_sha256,
        "preprocess": spec.to_dict(),
        "cut": cut,
        "dtype": dtype,
        "versions": _versions() | ({} if runtime == "torch" else {runtime: version(runtime)}),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def pixels_key(spec: PreprocessSpec) -> str:
    """Address (64 hex digits) of pixels that were read and resized as `spec` says, and not normalised yet.

    >>> pixels_key(PreprocessSpec()) == pixels_key(PreprocessSpec(std=(0.5, 0.5, 0.5)))
    True
    """
    made = {name: fact for name, fact in spec.to_dict().items() if name not in ("mean", "std")}
    fill = spec.mean if spec.resize == "pad" or spec.banded else None  # of banded ones it stands for missing values too
    facts = {"pixels": made, "fill": fill, "versions": {name: _versions()[name] for name in _READING}}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@functools.cache
def _versions() -> dict[str, str]:
    """Versions of what takes part in the computation from file to activation."""
    packages = {name: importlib.metadata.version(name) for name in ("torch", "timm", "pillow", "warmstart")}
    return {**packages, "format": str(FORMAT)}


def prefix_sha256(chain: Chain, cut: int) -> str:
    """Hash of everything that `chain.prefix(cut)` computes with: parameters, buffers, and the layers themselves.

    Two networks that differ only above the cut have the same hash. The layers are part of it because equal weights do
    not make equal networks (`tf_efficientnet_lite0` pads otherwise than `efficientnet_lite0`). It is computed anew each
    time, about a second per gigabyte: a weight changed through `.data` leaves no trace by which a memo would notice.
    """
    below = chain.modules_below(cut)
    above = chain.modules_below(-1) - below
    parameters = chain.parameters_below(cut)
    digest = hashlib.sha256(f"{type(chain.module).__name__} {chain.cuts[cut].name}".encode())
    for name, module in sorted(chain.module.named_modules(), key=_name):  # a copy may define them in another order
        if name in below and next(module.children(), None) is None:
            digest.update(f"\n{name} {module!r}".encode())
    for name, parameter in sorted(chain.module.named_parameters(), key=_name):
        if name in parameters:
            _update(digest, name, parameter)
    for name, buffer in sorted(chain.module.named_buffers(), key=_name):
        # One that belongs to no called module may be read directly by the forward pass, so it counts as below.
        if name.rpartition(".")[0] not in above:
            _update(digest, name, buffer)
    return digest.hexdigest()


def _name(named: tuple[str, object]) -> str:
    return named[0]


def _update(digest: Any, name: str, tensor: Tensor) -> None:
    digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    digest.update(flat.view(torch.uint8).numpy().data)  # bytes: bfloat16 has no numpy type


def sample_key(sample: Sample) -> str:
    """Hash (64 hex digits) of the input's content; the sample's id, label and path are not part of it.

    A file is hashed once per process as long as its size and modification time stay the same.

    Raises:
        OSError: the file cannot be read.
    """
    source = sample.source
    if isinstance(source, (str, Path)):
        stat = os.stat(source)  # noqa: PTH116 (one call for both)
        return _file_sha256(os.fspath(source), stat.st_size, stat.st_mtime_ns)
    if isinstance(source, Tile):
        return _sha256(f"tile {source.box}", sample_key(dataclasses.replace(sample, source=source.source)).encode())
    if isinstance(source, Image.Image):
        facts = (source.mode, source.size, source.getpalette(), source.info.get("transparency"))
        return _sha256(f"image {facts} {source.getexif().get(_ORIENTATION)}", source.tobytes())
    if isinstance(source, Text):
        return _sha256(f"text {[len(part) for part in source.parts]}", str(source).encode("utf-8", "surrogatepass"))
    if isinstance(source, Series):
        values = np.ascontiguousarray(source.values)
        return _sha256(f"series {values.dtype.str} {values.shape}", values.data)
    if isinstance(source, bytes):
        return _sha256("file", source)
    array = np.ascontiguousarray(source)
    return _sha256(f"array {array.dtype.str} {array.shape}", array.data)


def _sha256(kind: str, content: Any) -> str:
    digest = hashlib.sha256(f"{kind}\n".encode())
    digest.update(content)
    return digest.hexdigest()


@functools.lru_cache(maxsize=1 << 18)
def _file_sha256(path: str, size: int, mtime_ns: int) -> str:  # noqa: ARG001 (they tell one state of it from another)
    digest = hashlib.sha256(b"file\n")
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
