"""Stored activations as a data set reads them: by position, from the chunks as they lie in memory or on the disk."""

from __future__ import annotations

import dataclasses
import math
import mmap
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.packing import Packed
from warmstart.data.transfer import copies
from warmstart.errors import DiskError


def spilled(parts: Iterable[Tensor], shape: tuple[int, ...], folder: Path | None, mapped: int) -> StoredRows:
    """Rows that come in parts (n, ...), float32, as a file without a name that is gone with them.

    Args:
        parts: what is written, one after the other.
        shape: of one row.
        folder: on whose disk the file lies; `None` for that of temporary files.
        mapped: as `StoredRows` has it.

    Raises:
        DiskError: there is no room.

    >>> rows = spilled([torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])], (1,), None, 2**20)
    >>> rows[torch.tensor([2, 0])].flatten().tolist()
    [3.0, 1.0]
    """
    count = 0
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            for part in parts:
                file.write(part.contiguous().numpy().data)
                count += len(part)
            file.flush()
            held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if count else None
    except OSError as error:
        raise DiskError(
            f"{count} rows were written to {folder or tempfile.gettempdir()}, and no more could be: {error}",
            do="make room on the disk, name another with --cache, or give more with --max-memory",
        ) from error
    rows = torch.empty(0, *shape) if held is None else torch.from_numpy(np.frombuffer(held, np.float32))
    places = torch.stack([torch.zeros(count, dtype=torch.int64), torch.arange(count)], dim=1)
    return StoredRows((Packed(rows.view(-1, *shape), None, 0.0, held),), places, shape, mapped)


@dataclasses.dataclass(frozen=True)
class StoredRows:
    """n activations in order, each read from its chunk when it is asked for; nothing is held but what is in memory
    already. Chunks on the disk are mapped: of what was read of them at most `mapped` bytes stay in the process, and the
    system's page cache decides what stays in memory.

    >>> rows = StoredRows((Packed(torch.tensor([[1.0], [2.0]]), None, 0.0),), torch.tensor([[0, 1], [0, 0]]), (1,))
    >>> len(rows), rows[torch.tensor([0, 1, 1])].flatten().tolist()
    (2, [2.0, 1.0, 1.0])
    """

    chunks: tuple[Packed, ...]
    places: Tensor  # (n, 2): chunk and row of each
    shape: tuple[int, ...]  # of one activation
    mapped: int = 2**31
    _read: list[int] = dataclasses.field(default_factory=lambda: [0], repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, positions: Tensor) -> Tensor:
        """Activations (len(positions), ...), float32, a copy."""
        places = self.places[positions]
        out = torch.empty(len(places), *self.shape)
        for chunk in set(places[:, 0].tolist()):
            here = (places[:, 0] == chunk).nonzero().flatten()
            out[here] = self.chunks[chunk].unpack(places[here, 1])
        self._count(len(places))
        return out

    def _count(self, rows: int) -> None:
        """Pages of 4 kB are read, two of them for a row that lies across."""
        self._read[0] += rows * (math.prod(self.shape) * 4 + 2 * mmap.PAGESIZE)
        if self._read[0] > self.mapped:
            self._read[0] = 0
            for chunk in self.chunks:
                chunk.let_go()

    @property
    def nbytes(self) -> int:
        """What the rows take in the format in which they are stored."""
        first = self.chunks[0] if self.chunks else None
        return 0 if first is None else len(self) * (first.nbytes // max(1, len(first.rows)))

    @property
    def error(self) -> float:
        """Largest relative error of a chunk; 0 for float32."""
        return max((chunk.error for chunk in self.chunks), default=0.0)


class Resident:
    """n activations that lie on a device, in the format in which they are stored; rows are read there, float32.

    >>> rows = Resident.of(torch.tensor([[1.0], [2.0]]), torch.device("cpu"))
    >>> len(rows), rows[torch.tensor([1, 1])].flatten().tolist()
    (2, [2.0, 2.0])
    """

    def __init__(self, packed: Packed, device: torch.device) -> None:
        self._packed, self._way = packed, copies(device)

    @classmethod
    def of(cls, rows: Tensor | StoredRows, device: torch.device) -> Resident:
        """The rows, copied to a device, chunk by chunk as they lie."""
        if isinstance(rows, Tensor):
            return cls(Packed(rows.to(device), None, 0.0), device)
        scaled = rows.chunks[0].scale is not None
        own = [_chosen(rows, device, lambda chunk: chunk.rows)]
        own += [_chosen(rows, device, _scale)] if scaled else []
        return cls(Packed(own[0], own[1] if scaled else None, rows.error), device)

    def __len__(self) -> int:
        return len(self._packed.rows)

    def __getitem__(self, positions: Tensor) -> Tensor:
        """Activations (len(positions), ...) on the device."""
        return self._packed.unpack(self._way.onto([positions])[0])


def _chosen(rows: StoredRows, device: torch.device, part: Callable[[Packed], Tensor]) -> Tensor:
    """A part of each chunk's rows, in the order of all."""
    like = part(rows.chunks[0])
    out = torch.empty(len(rows), *like.shape[1:], dtype=like.dtype, device=device)
    for chunk in set(rows.places[:, 0].tolist()):
        here = (rows.places[:, 0] == chunk).nonzero().flatten()
        out[here.to(device)] = part(rows.chunks[chunk])[rows.places[here, 1]].to(device)
    return out


def _scale(chunk: Packed) -> Tensor:
    assert chunk.scale is not None, "all chunks are in one format"
    return chunk.scale
