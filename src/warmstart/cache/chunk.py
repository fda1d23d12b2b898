"""One file of the store: some activations with the keys of their samples, and a checksum over both.

The file is a valid safetensors file (8 bytes of header length, JSON header, raw little-endian bytes), so it holds no
code and other tools can read it. The checksum lies in the header's metadata and covers the keys and the bytes. A file
appears under its name only when it is complete and on the disk; one that is torn nevertheless is recognised when read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import mmap
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.packing import Packed
from warmstart.files import sync

SUFFIX = ".safetensors"
TEMPORARY = ".partial"
_MOST_HEADER = 1 << 28
_AT_ONCE = 1 << 20
"""Bytes that are read at a time to be checked."""
_NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.int8: "I8", torch.uint8: "U8"}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}


class TornError(Exception):
    """The file is not what was written: cut short, altered, or not of this format."""


@dataclasses.dataclass(frozen=True)
class Header:
    """What a chunk says of itself; `parts` are (name, dtype, shape, offset in the file)."""

    keys: tuple[str, ...]
    checksum: str
    error: float
    parts: tuple[tuple[str, torch.dtype, tuple[int, ...], int], ...]
    start: int  # offset of the data
    end: int


def chunk_name(keys: Sequence[str]) -> str:
    """File name from the keys: two processes that store the same samples write the same file."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32] + SUFFIX


def write_chunk(path: Path, keys: Sequence[str], packed: Packed) -> None:
    """Write the rows, one per key; also after a crash `path` either does not exist or is complete.

    Raises:
        OSError: no space, no permission; nothing is left behind.
    """
    named = {"scale": packed.scale, "rows": packed.rows}  # the four-byte numbers first, so that both are aligned
    tensors = {name: tensor.contiguous() for name, tensor in named.items() if tensor is not None}
    data = [_bytes(tensor) for tensor in tensors.values()]
    header: dict[str, object] = {
        "__metadata__": {"keys": ",".join(keys), "checksum": _checksum(keys, data), "error": repr(packed.error)}
    }
    at = 0
    for name, tensor in tensors.items():
        offsets = [at, at := at + tensor.nbytes]
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{path.stem}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY}"
    try:
        with temporary.open("xb") as file:
            file.write(len(text).to_bytes(8, "little"))
            file.write(text)
            for part in data:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 (tests stand in for the system call)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def read_keys(path: Path) -> tuple[str, ...]:
    """Keys of the rows of a chunk, in order; only the header is read.

    Raises:
        TornError: the header is not whole, or the file is not as long as it says.
        OSError: the file is gone or cannot be read.
    """
    with path.open("rb") as file:
        return _header(file).keys


def read_chunk(path: Path, *, check: bool = True) -> tuple[tuple[str, ...], Packed]:
    """Keys and rows of a chunk. The rows are mapped, not loaded: copy what is to be kept.

    `check` reads everything and compares it with the checksum; it is left out for a file that was checked before.

    Raises:
        TornError: the content is not what was written.
        OSError: the file is gone or cannot be read.
    """
    with path.open("rb") as file:
        header = _header(file)
        file.seek(header.start)  # read and not mapped: a page that is mapped counts as memory of the process
        if check and _checksum(header.keys, iter(lambda: file.read(_AT_ONCE), b"")) != header.checksum:
            raise TornError(f"{path.name}: the content does not fit its checksum")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # private, never written back
    whole, tensors = torch.from_numpy(np.frombuffer(mapped, np.uint8)), {}
    for name, dtype, shape, start in header.parts:
        size = math.prod(shape) * dtype.itemsize
        tensors[name] = whole[start : start + size].view(dtype).view(shape)
    return header.keys, Packed(tensors["rows"], tensors.get("scale"), header.error, mapped)


def _header(file: BinaryIO) -> Header:
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= min(size, _MOST_HEADER):
        raise TornError("no header")
    start = 8 + length
    try:
        header = json.loads(file.read(length))
        facts = header.pop("__metadata__")
        keys, checksum, error = tuple(facts["keys"].split(",")), str(facts["checksum"]), float(facts.get("error", 0))
        parts = tuple(
            (name, _TYPES[part["dtype"]], tuple(int(n) for n in part["shape"]), start + int(part["data_offsets"][0]))
            for name, part in header.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise TornError("the header cannot be read") from failure
    end = start + sum(math.prod(shape) * dtype.itemsize for _, dtype, shape, _ in parts)
    if size != end or end == start or any(shape[:1] != (len(keys),) for _, _, shape, _ in parts):
        raise TornError(f"{size} bytes where the header says {end}")
    inside = all(start <= at <= end - math.prod(shape) * dtype.itemsize for _, dtype, shape, at in parts)
    if not inside or "rows" not in (name for name, _, _, _ in parts):
        raise TornError("the header does not fit the content")
    return Header(keys, checksum, error, parts, start, end)


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.view(-1).view(torch.uint8).numpy().data


def _checksum(keys: Sequence[str], data: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.blake2b(",".join(keys).encode(), digest_size=16)
    for part in data:
        digest.update(part)
    return digest.hexdigest()
