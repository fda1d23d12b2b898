"""The store of activations: chunks on disk under their content address, a little memory in front, both within budgets.

Invariants:

* What `fetch` gives is what `put` got: exactly in float32, else as `put` returned it. A chunk that is torn, cut short
  or altered is deleted and its samples count as missing, so that they are computed again.
* There is no index file that could disagree with the chunks: which samples a space holds is read from their headers.
* A disk that is full or cannot be written costs the sharing, never the run.
* Only files that this store has written, known by the form of their names, are ever deleted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.chunk import SUFFIX, TornError, chunk_name, read_chunk, read_keys, write_chunk
from warmstart.cache.packing import Packed, pack
from warmstart.cache.room import free_bytes, make_room
from warmstart.cache.rows import StoredRows
from warmstart.model.activation import ActivationDtype

_log = logging.getLogger(__name__)
_IN_FRONT = 256 * 2**20
_KEEP_FREE = 256 * 2**20
"""Bytes of the disk that are left to others."""


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
        self.budget_bytes = budget_bytes
        self._memory_budget = budget_bytes if folder is None else min(_IN_FRONT, budget_bytes)
        self._memory: OrderedDict[tuple[str, str], Packed] = OrderedDict()
        self._held = 0
        self._keys: dict[tuple[str, str], tuple[str, ...]] = {}  # (space, chunk) to the keys of its rows
        self._checked: set[Path] = set()
        self._writable = folder is not None
        self._lock = threading.RLock()

    def fetch(self, space: str, keys: Sequence[str], out: Tensor) -> list[int]:
        """Fill `out` (len(keys), ...) with the activations that are stored; the positions of those that are not."""
        with self._lock:
            wanted: dict[str, list[int]] = {}
            for position, key in enumerate(keys):
                wanted.setdefault(key, []).append(position)
            for chunk in self._chunks(space):
                rows = {key: row for row, key in enumerate(self._keys[space, chunk]) if key in wanted}
                packed = self._read(space, chunk, tuple(out.shape[1:])) if rows else None
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
            there = {key for chunk in self._chunks(space) for key in self._keys[space, chunk]}
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
            for chunk in self._chunks(space):
                found = [(row, key) for row, key in enumerate(self._keys[space, chunk]) if key in wanted]
                packed = self._read(space, chunk, shape) if found else None
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
            chunk = chunk_name(keys)
            self._keys[space, chunk] = tuple(keys)
            if self._writable:
                self._write(self._path(space, chunk), keys, packed)
            self._hold((space, chunk), packed)
        return packed

    def _path(self, space: str, chunk: str) -> Path:
        assert self.folder is not None
        return self.folder / "activations" / space[:2] / space / chunk

    def _chunks(self, space: str) -> list[str]:
        """Names of the chunks of a space, in memory or on disk now; other processes may have added or removed some."""
        names = [chunk for held, chunk in self._memory if held == space]
        if self.folder is not None:
            with contextlib.suppress(OSError):
                found = os.listdir(self._path(space, ""))  # noqa: PTH208 (names are all that is needed)
                names += sorted(name for name in found if name.endswith(SUFFIX) and name not in names)
        return [name for name in names if self._know(space, name)]

    def _know(self, space: str, chunk: str) -> bool:
        if (space, chunk) not in self._keys:
            path = self._path(space, chunk)
            try:
                self._keys[space, chunk] = read_keys(path)
            except (TornError, OSError) as error:
                self._discard(path, error)
                return False
        return True

    def _read(self, space: str, chunk: str, shape: tuple[int, ...]) -> Packed | None:
        """Rows of a chunk; `None` if it turns out to be damaged, gone, or of another shape."""
        held = self._memory.get((space, chunk))
        if held is not None:
            self._memory.move_to_end((space, chunk))
            self._touch(space, chunk)
            return held
        path = self._path(space, chunk)
        try:
            keys, packed = read_chunk(path, check=path not in self._checked)
            if keys != self._keys[space, chunk] or packed.rows.shape[1:] != shape:
                raise TornError(f"{path.name}: not the activations that were expected")
        except (TornError, OSError) as error:
            self._discard(path, error)
            self._keys.pop((space, chunk), None)
            return None
        self._checked.add(path)
        self._touch(space, chunk)
        return self._hold((space, chunk), packed)

    def _touch(self, space: str, chunk: str) -> None:
        """Make it the most recently used one on the disk."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                os.utime(self._path(space, chunk))

    def _hold(self, name: tuple[str, str], packed: Packed) -> Packed:
        """Keep a copy in memory if it fits the budget, at the cost of what was not used for longest."""
        if packed.nbytes > self._memory_budget or name in self._memory:
            return packed
        scale = None if packed.scale is None else packed.scale.clone()
        held = self._memory[name] = Packed(packed.rows.clone(), scale, packed.error)
        self._held += held.nbytes
        while self._held > self._memory_budget:
            self._held -= self._memory.popitem(last=False)[1].nbytes
        return held

    def _write(self, path: Path, keys: Sequence[str], packed: Packed) -> None:
        needed = packed.nbytes + 128 * len(keys)
        try:
            if needed <= self.budget_bytes:
                make_room(path.parents[2], self.budget_bytes - needed)
            if needed > self.budget_bytes or free_bytes(path) - needed < _KEEP_FREE:
                raise OSError(f"there is no room for {needed / 2**20:.1f} MiB")
            write_chunk(path, keys, packed)
            self._checked.add(path)
        except OSError as error:
            self._writable = False
            self._memory_budget = max(self._memory_budget, _IN_FRONT)
            _log.warning("activations are kept in memory only, because %s cannot be written: %s", self.folder, error)

    def _discard(self, path: Path, error: Exception) -> None:
        """Forget a chunk; delete it if its content is damaged (another process may have deleted it before)."""
        if isinstance(error, TornError):
            _log.warning("a damaged file in the cache was deleted and will be computed again: %s (%s)", path, error)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
