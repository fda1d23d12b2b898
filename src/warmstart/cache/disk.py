"""Chunks in a folder, by space: written, read, evicted, and forgotten where they are damaged.

Invariants:

* A chunk that is torn, cut short or altered is deleted and counts as not there.
* There is no index file that could disagree with the chunks: which samples a space holds is read from their headers.
* A disk that is full or cannot be written is written no more, and the log says so once.
* Only files that this package has written, known by the form of their names, are ever deleted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from warmstart.cache.chunk import SUFFIX, TornError, chunk_name, read_chunk, read_keys, write_chunk
from warmstart.cache.lookup import Keys, as_keys
from warmstart.cache.packing import Packed
from warmstart.cache.room import free_bytes, make_room

_log = logging.getLogger(__name__)
_LOOK_AGAIN = 20.0
"""Seconds after which is looked again at what other processes have written."""
_KEEP_FREE = 256 * 2**20
"""Bytes of the disk that are left to others."""


class ChunkFolder:
    """The chunks under `folder`, made on the first write; of all spaces together at most `budget_bytes` are kept.

    The least recently used go first. May be used by several processes; threads are for the caller to keep apart.
    """

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self.folder, self.budget_bytes, self.writable = folder, budget_bytes, True
        self._keys: dict[Path, Keys] = {}
        self._checked: set[Path] = set()
        self._used, self._look_again = 0, 0.0

    def chunks(self, space: str) -> dict[str, Keys]:
        """The chunks that are there now, with the keys of their rows; other processes add and remove some."""
        names: list[str] = []
        with contextlib.suppress(OSError):
            found = os.listdir(self._path(space, ""))  # noqa: PTH208 (names are all that is needed)
            names = sorted(name for name in found if name.endswith(SUFFIX))
        known = {name: self._keys_of(self._path(space, name)) for name in names}
        return {name: keys for name, keys in known.items() if keys is not None}

    def read(self, space: str, chunk: str, shape: tuple[int, ...] | None = None) -> Packed | None:
        """Rows of a chunk, mapped; `None` if it turns out to be damaged, gone, or not of rows of this shape."""
        path = self._path(space, chunk)
        try:
            found, packed = read_chunk(path, check=path not in self._checked)
            keys = as_keys(found)
            same = np.array_equal(keys, self._keys.get(path, keys))
            if not same or (shape is not None and packed.rows.shape[1:] != shape):
                raise TornError(f"{path.name}: not the rows that were expected")
        except (TornError, OSError) as error:
            self._discard(path, error)
            return None
        self._checked.add(path)
        self.touch(space, chunk)
        return packed

    def touch(self, space: str, chunk: str) -> None:
        """Make it the most recently used one."""
        with contextlib.suppress(OSError):
            os.utime(self._path(space, chunk))

    def write(self, space: str, keys: Sequence[str], packed: Packed) -> str | None:
        """Write a chunk of these rows; its name, or `None` where that could not be done."""
        if not self.writable:
            return None
        chunk = chunk_name(keys)
        path = self._path(space, chunk)
        needed = packed.nbytes + 128 * len(keys)
        try:
            if needed <= self.budget_bytes:
                self._make_room(path.parents[2], needed)
            if needed > self.budget_bytes or free_bytes(path) - needed < _KEEP_FREE:
                raise OSError(f"there is no room for {needed / 2**20:.1f} MiB")
            write_chunk(path, keys, packed)
        except OSError as error:
            self.writable = False
            _log.warning("nothing more is stored in %s, because it cannot be written: %s", self.folder, error)
            return None
        self._keys[path] = as_keys(keys)
        self._checked.add(path)
        return chunk

    def _make_room(self, root: Path, needed: int) -> None:
        """Evict where the budget asks for it. All files are looked at once in a while, and when it seems to be spent:
        to look at all of them at each write would take longer the more there are.
        """
        if self._used + needed > self.budget_bytes or time.monotonic() > self._look_again:
            self._used = make_room(root, self.budget_bytes - needed)
            self._look_again = time.monotonic() + _LOOK_AGAIN
        self._used += needed

    def _path(self, space: str, chunk: str) -> Path:
        return self.folder / "activations" / space[:2] / space / chunk

    def _keys_of(self, path: Path) -> Keys | None:
        if path not in self._keys:
            try:
                self._keys[path] = as_keys(read_keys(path))
            except (TornError, OSError) as error:
                self._discard(path, error)
                return None
        return self._keys[path]

    def _discard(self, path: Path, error: Exception) -> None:
        """Forget a chunk; delete it if its content is damaged (another process may have deleted it before)."""
        self._keys.pop(path, None)
        self._checked.discard(path)
        if isinstance(error, TornError):
            _log.warning("a damaged file in the cache was deleted and will be computed again: %s (%s)", path, error)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
