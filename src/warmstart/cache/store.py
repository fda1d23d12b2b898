"""The store of activations: chunks on disk under their content address, or in memory without one, within a budget.

On disk they take no memory beyond 64 bytes for each sample: what is read of them again is in the system's page cache.

What `fetch` gives is what `put` got: exactly in float32, else as `put` returned it. What is damaged on the disk counts
as missing, so that it is computed again. A disk that is full or cannot be written costs the sharing, never the run.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from warmstart.cache.chunk import chunk_name
from warmstart.cache.disk import ChunkFolder
from warmstart.cache.lookup import Asked, Keys, as_keys
from warmstart.cache.packing import Packed, pack
from warmstart.cache.rows import StoredRows
from warmstart.data.schema import IntArray
from warmstart.model.activation import ActivationDtype

HELD = 256 * 2**20
"""Bytes that are kept in memory of what the disk does not take."""


def default_cache_dir() -> Path:
    """`$WARMSTART_CACHE`, or `~/.cache/warmstart`."""
    given = os.environ.get("WARMSTART_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "warmstart"


class ActivationStore:
    """Activations by space and sample, see `warmstart.cache.key`. May be used from several threads and processes.

    Args:
        folder: where chunks are kept, made on the first write; `None` keeps them in memory only.
        budget_bytes: most bytes that are kept in `folder` (or in memory without one); the least recently used go first.
        held_bytes: most bytes that are kept in memory of what the disk does not take.
        mapped_bytes: of files that are mapped, what stays in memory of the process at most.
        chunk_bytes: of activations, what is computed before it is put here.

    >>> import torch
    >>> store = ActivationStore(None)
    >>> _ = store.put("space", ["a", "b"], torch.tensor([[1.0], [2.0]]))
    >>> out = torch.zeros(3, 1)
    >>> store.fetch("space", ["b", "c", "a"], out)  # the position of what is missing
    [1]
    >>> out.flatten().tolist()
    [2.0, 0.0, 1.0]
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        budget_bytes: int = 8 * 2**30,
        held_bytes: int = HELD,
        mapped_bytes: int = 2 * 2**30,
        chunk_bytes: int = 64 * 2**20,
    ) -> None:
        self.folder, self.chunk_bytes, self._mapped_bytes = folder, chunk_bytes, mapped_bytes
        self._budgets = {
            "budget_bytes": budget_bytes,
            "held_bytes": held_bytes,
            "mapped_bytes": mapped_bytes,
            "chunk_bytes": chunk_bytes,
        }
        self._disk = None if folder is None else ChunkFolder(folder, budget_bytes)
        self._memory_budget = budget_bytes if folder is None else held_bytes
        self._memory: OrderedDict[tuple[str, str], Packed] = OrderedDict()
        self._held = 0
        self._keys: dict[tuple[str, str], Keys] = {}  # (space, chunk) in memory to the keys of its rows
        self._lock = threading.RLock()

    def __reduce__(self) -> tuple[Callable[..., ActivationStore], tuple[Path | None, dict[str, int]]]:
        """For another process, which has the folder in common with this one, and a memory of its own."""
        return _opened, (self.folder, self._budgets)

    def fetch(self, space: str, keys: Sequence[str] | Keys, out: Tensor) -> list[int]:
        """Fill `out` (len(keys), ...) with the activations that are stored; the positions of those that are not."""
        with self._lock:
            left = np.ones(len(keys), dtype=bool)
            for packed, rows, positions in self._found(space, keys, left, tuple(out.shape[1:])):
                out[torch.from_numpy(positions)] = packed.unpack(torch.from_numpy(rows))
                packed.let_go()
            return [int(position) for position in np.flatnonzero(left)]

    def missing(self, space: str, keys: Sequence[str] | Keys) -> list[int]:
        """The positions of the samples whose activation is not stored. No activation is read, so a damaged file counts
        as stored here; `fetch` and `rows` find out.
        """
        with self._lock:
            left, asked = np.ones(len(keys), dtype=bool), Asked(keys)
            for held in self._chunks(space).values():
                left[asked.among(held)[1]] = False
            return [int(position) for position in np.flatnonzero(left)]

    def rows(self, space: str, keys: Sequence[str] | Keys, shape: tuple[int, ...]) -> StoredRows | None:
        """The activations of these samples as they lie, mapped and not loaded; `None` if one is missing.

        What is mapped stays readable when the store evicts it.
        """
        with self._lock:
            chunks: list[Packed] = []
            places, left = np.empty((len(keys), 2), np.int64), np.ones(len(keys), dtype=bool)
            for packed, rows, positions in self._found(space, keys, left, shape):
                places[positions, 0], places[positions, 1] = len(chunks), rows
                chunks.append(packed)
            return (
                None if left.any() else StoredRows(tuple(chunks), torch.from_numpy(places), shape, self._mapped_bytes)
            )

    def put(self, space: str, keys: Sequence[str], rows: Tensor, dtype: ActivationDtype = "fp32") -> Packed:
        """Store `rows` (len(keys), ...), float32 on the CPU, and return them as `fetch` will give them.

        What does not fit is not kept; the log says so once.
        """
        packed = pack(rows, dtype)
        if len(keys) == 0:
            return packed
        with self._lock:
            if self._disk is None or self._disk.write(space, keys, packed) is None:
                self._hold(space, chunk_name(keys), as_keys(keys), packed)
        return packed

    def _found(
        self, space: str, keys: Sequence[str] | Keys, left: npt.NDArray[np.bool_], shape: tuple[int, ...]
    ) -> Iterator[tuple[Packed, IntArray, IntArray]]:
        """(chunk, rows of it, positions among `keys`) of each that has some; what was found is not `left` any more."""
        asked = Asked(keys)
        for chunk, held in self._chunks(space).items():
            rows, positions = asked.among(held)
            rows, positions = rows[left[positions]], positions[left[positions]]
            packed = self._read(space, chunk, shape) if len(rows) else None
            if packed is not None:
                left[positions] = False
                yield packed, rows, positions

    def _chunks(self, space: str) -> dict[str, Keys]:
        """The chunks of a space in memory, then those on disk alone, with the keys of their rows."""
        held = {chunk: self._keys[name, chunk] for name, chunk in self._memory if name == space}
        stored = {} if self._disk is None else self._disk.chunks(space)
        return held | {chunk: keys for chunk, keys in stored.items() if chunk not in held}

    def _read(self, space: str, chunk: str, shape: tuple[int, ...]) -> Packed | None:
        held = self._memory.get((space, chunk))
        if held is not None:
            self._memory.move_to_end((space, chunk))
            return held
        assert self._disk is not None
        return self._disk.read(space, chunk, shape)

    def _hold(self, space: str, chunk: str, keys: Keys, packed: Packed) -> None:
        """Keep a copy in memory if it fits the budget, at the cost of what was not used for longest."""
        if packed.nbytes > self._memory_budget or (space, chunk) in self._memory:
            return
        scale = None if packed.scale is None else packed.scale.clone()
        held = self._memory[space, chunk] = Packed(packed.rows.clone(), scale, packed.error)
        self._keys[space, chunk] = keys
        self._held += held.nbytes
        while self._held > self._memory_budget:
            name, gone = self._memory.popitem(last=False)
            del self._keys[name]
            self._held -= gone.nbytes


def _opened(folder: Path | None, budgets: dict[str, int]) -> ActivationStore:
    return ActivationStore(folder, **budgets)
