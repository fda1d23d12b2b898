"""The store of activations: chunks on disk under their content address, a little memory in front, both within budgets.

What `fetch` gives is what `put` got: exactly in float32, else as `put` returned it. What is damaged on the disk counts
as missing, so that it is computed again. A disk that is full or cannot be written costs the sharing, never the run.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.chunk import chunk_name
from warmstart.cache.disk import ChunkFolder
from warmstart.cache.packing import Packed, pack
from warmstart.cache.rows import StoredRows
from warmstart.model.activation import ActivationDtype

_IN_FRONT = 256 * 2**20


def default_cache_dir() -> Path:
    """`$WARMSTART_CACHE`, or `~/.cache/warmstart`."""
    given = os.environ.get("WARMSTART_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "warmstart"


class ActivationStore:
    """Activations by space and sample, see `warmstart.cache.key`. May be used from several threads and processes.

    Args:
        folder: where chunks are kept, made on the first write; `None` keeps them in memory only.
        budget_bytes: most bytes that are kept in `folder` (or in memory without one); the least recently used go first.

    >>> import torch
    >>> store = ActivationStore(None)
    >>> _ = store.put("space", ["a", "b"], torch.tensor([[1.0], [2.0]]))
    >>> out = torch.zeros(3, 1)
    >>> store.fetch("space", ["b", "c", "a"], out)  # the position of what is missing
    [1]
    >>> out.flatten().tolist()
    [2.0, 0.0, 1.0]
    """

    def __init__(self, folder: Path | None, *, budget_bytes: int = 8 * 2**30) -> None:
        self.folder = folder
        self._disk = None if folder is None else ChunkFolder(folder, budget_bytes)
        self._memory_budget = budget_bytes if folder is None else min(_IN_FRONT, budget_bytes)
        self._memory: OrderedDict[tuple[str, str], Packed] = OrderedDict()
        self._held = 0
        self._keys: dict[tuple[str, str], tuple[str, ...]] = {}  # (space, chunk) in memory to the keys of its rows
        self._lock = threading.RLock()

    def fetch(self, space: str, keys: Sequence[str], out: Tensor) -> list[int]:
        """Fill `out` (len(keys), ...) with the activations that are stored; the positions of those that are not."""
        with self._lock:
            wanted: dict[str, list[int]] = {}
            for position, key in enumerate(keys):
                wanted.setdefault(key, []).append(position)
            for chunk, held in self._chunks(space).items():
                rows = {key: row for row, key in enumerate(held) if key in wanted}
                packed = self._read(space, chunk, held, tuple(out.shape[1:])) if rows else None
                if packed is None:
                    continue
                pairs = [(row, position) for key, row in rows.items() for position in wanted.pop(key)]
                out[[position for _, position in pairs]] = packed.unpack([row for row, _ in pairs])
            return sorted(position for positions in wanted.values() for position in positions)

    def missing(self, space: str, keys: Sequence[str]) -> list[int]:
        """The positions of the samples whose activation is not stored. No activation is read, so a damaged file counts
        as stored here; `fetch` and `rows` find out.
        """
        with self._lock:
            there = {key for held in self._chunks(space).values() for key in held}
            return [position for position, key in enumerate(keys) if key not in there]

    def rows(self, space: str, keys: Sequence[str], shape: tuple[int, ...]) -> StoredRows | None:
        """The activations of these samples as they lie, mapped and not loaded; `None` if one is missing.

        What is mapped stays readable when the store evicts it.
        """
        with self._lock:
            wanted: dict[str, list[int]] = {}
            for position, key in enumerate(keys):
                wanted.setdefault(key, []).append(position)
            chunks: list[Packed] = []
            places = np.empty((len(keys), 2), np.int64)
            for chunk, held in self._chunks(space).items():
                found = [(row, key) for row, key in enumerate(held) if key in wanted]
                packed = self._read(space, chunk, held, shape) if found else None
                if packed is None:
                    continue
                for row, key in found:
                    for position in wanted.pop(key, ()):
                        places[position] = len(chunks), row
                chunks.append(packed)
            return None if wanted else StoredRows(tuple(chunks), torch.from_numpy(places), shape)

    def put(self, space: str, keys: Sequence[str], rows: Tensor, dtype: ActivationDtype = "fp32") -> Packed:
        """Store `rows` (len(keys), ...), float32 on the CPU, and return them as `fetch` will give them.

        What does not fit is not kept; the log says so once.
        """
        packed = pack(rows, dtype)
        if len(keys) == 0:
            return packed
        with self._lock:
            if self._disk is not None and self._disk.write(space, keys, packed) is None:
                self._memory_budget = max(self._memory_budget, _IN_FRONT)
            self._hold(space, chunk_name(keys), tuple(keys), packed)
        return packed

    def _chunks(self, space: str) -> dict[str, tuple[str, ...]]:
        """The chunks of a space in memory, then those on disk alone, with the keys of their rows."""
        held = {chunk: self._keys[name, chunk] for name, chunk in self._memory if name == space}
        stored = {} if self._disk is None else self._disk.chunks(space)
        return held | {chunk: keys for chunk, keys in stored.items() if chunk not in held}

    def _read(self, space: str, chunk: str, keys: tuple[str, ...], shape: tuple[int, ...]) -> Packed | None:
        held = self._memory.get((space, chunk))
        if held is not None:
            self._memory.move_to_end((space, chunk))
            if self._disk is not None:
                self._disk.touch(space, chunk)
            return held
        assert self._disk is not None
        packed = self._disk.read(space, chunk, shape)
        return None if packed is None else self._hold(space, chunk, keys, packed)

    def _hold(self, space: str, chunk: str, keys: tuple[str, ...], packed: Packed) -> Packed:
        """Keep a copy in memory if it fits the budget, at the cost of what was not used for longest."""
        if packed.nbytes > self._memory_budget or (space, chunk) in self._memory:
            return packed
        scale = None if packed.scale is None else packed.scale.clone()
        held = self._memory[space, chunk] = Packed(packed.rows.clone(), scale, packed.error)
        self._keys[space, chunk] = keys
        self._held += held.nbytes
        while self._held > self._memory_budget:
            name, gone = self._memory.popitem(last=False)
            del self._keys[name]
            self._held -= gone.nbytes
        return held
