"""One file of the store: some activations with the keys of their samples, and a checksum over both.

The file is a valid safetensors file (8 bytes of header length, JSON header, raw little-endian bytes), so it holds no
code and other tools can read it. The checksum lies in the header's metadata and covers the keys and the bytes. A file
appears under its name only when it is complete and on the disk; one that is torn nevertheless is recognised when read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from warmstart.files import sync

SUFFIX = ".safetensors"
TEMPORARY = ".partial"
_MOST_HEADER = 1 << 28


class TornError(Exception):
    """The file is not what was written: cut short, altered, or not of this format."""


def chunk_name(keys: Sequence[str]) -> str:
    """File name from the keys: two processes that store the same samples write the same file."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32] + SUFFIX


def write_chunk(path: Path, keys: Sequence[str], rows: Tensor) -> None:
    """Write `rows` (n, ...), float32, one per key; also after a crash `path` either does not exist or is complete.

    Raises:
        OSError: no space, no permission; nothing is left behind.
    """
    data = rows.contiguous().view(-1).numpy().data.cast("B")
    header = json.dumps(
        {
            "__metadata__": {"keys": ",".join(keys), "checksum": _checksum(keys, data)},
            "rows": {"dtype": "F32", "shape": list(rows.shape), "data_offsets": [0, len(data)]},
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{path.stem}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY}"
    try:
        with temporary.open("xb") as file:
            file.write(len(header).to_bytes(8, "little"))
            file.write(header)
            file.write(data)
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
        return _header(file)[0]


def read_chunk(path: Path, *, check: bool = True) -> tuple[tuple[str, ...], Tensor]:
    """Keys and rows of a chunk. The rows are mapped, not loaded: copy what is to be kept.

    `check` reads everything and compares it with the checksum; it is left out for a file that was checked before.

    Raises:
        TornError: the content is not what was written.
        OSError: the file is gone or cannot be read.
    """
    with path.open("rb") as file:
        keys, shape, checksum, start = _header(file)
    mapped = np.memmap(path, dtype=np.float32, mode="c", offset=start, shape=shape)  # "c": private, never written back
    if check and _checksum(keys, mapped.reshape(-1).data.cast("B")) != checksum:
        raise TornError(f"{path.name}: the content does not fit its checksum")
    return keys, torch.from_numpy(mapped)


def _header(file: BinaryIO) -> tuple[tuple[str, ...], tuple[int, ...], str, int]:
    """(keys, shape, checksum, offset of the data) of an open file."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= min(size, _MOST_HEADER):
        raise TornError("no header")
    try:
        header = json.loads(file.read(length))
        keys = tuple(header["__metadata__"]["keys"].split(","))
        checksum, shape = str(header["__metadata__"]["checksum"]), tuple(int(n) for n in header["rows"]["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TornError("the header cannot be read") from error
    bytes_ = 4 * int(np.prod(shape, dtype=np.int64))
    if size != 8 + length + bytes_ or bytes_ == 0 or shape[0] != len(keys):
        raise TornError(f"{size} bytes where the header says {8 + length + bytes_}")
    return keys, shape, checksum, 8 + length


def _checksum(keys: Sequence[str], data: memoryview) -> str:
    digest = hashlib.blake2b(",".join(keys).encode(), digest_size=16)
    digest.update(data)
    return digest.hexdigest()
