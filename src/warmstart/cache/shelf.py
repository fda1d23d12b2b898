"""Resized pixels that outlast a run: a photo is decoded once, and read from the cache ever after.

A record is what was read of one file: its pixels, uncropped, and the look at it, so that a later run decodes nothing to
know both. Its address is the content of the file and all that makes the pixels. Records of any shape lie in one chunk,
each as long as the longest. Chunks share folder, budget and eviction with the activations.

It pays where a file has many more pixels than are stored: a 28 x 28 image is decoded faster than its 224 x 224 pixels
are read. What lies in memory already is not kept.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import math
import mmap
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.claim import claim
from warmstart.cache.disk import ChunkFolder
from warmstart.cache.key import pixels_key, sample_key
from warmstart.cache.lookup import as_texts
from warmstart.cache.packing import Packed
from warmstart.data.scan import Look
from warmstart.data.schema import Sample
from warmstart.preprocess.cutting import Tile
from warmstart.preprocess.geometry import resized_size
from warmstart.preprocess.spec import PreprocessSpec

_NOTE = 1024
"""Bytes before the pixels, for their shape and the look at the image."""
_ALIGNED = 8
"""Rows are multiples of so many bytes, so that values of any type lie where they may be read."""
_CHUNK_BYTES = 16 * 2**20
"""A chunk is written as soon as it is full: what an interrupted run has decoded is there for the next one."""
_LONGEST = 2
"""Sides. A longer strip is not kept, since all records of its chunk would become as long."""
_MORE = 2
"""Times the pixels stored that a file must have, on the mean. A JPEG with twice as many takes about ten times as long
to decode and resize as its record takes to read."""


def pays(sizes: Sequence[tuple[int, int]], spec: PreprocessSpec) -> bool:
    """Whether reading pixels that were stored is much faster than decoding images of these sizes.

    >>> pays([(640, 427)], PreprocessSpec(224)), pays([(28, 28)], PreprocessSpec(224))
    (True, False)
    """
    return sum(map(math.prod, sizes)) > _MORE * sum(math.prod(resized_size(size, spec)) for size in sizes)


def stored_bytes(sizes: Sequence[tuple[int, int]], spec: PreprocessSpec, value_bytes: int = 1) -> int:
    """Bytes of the records of images of these sizes, about; `value_bytes` is of a value as it is stored."""
    each = spec.channels * value_bytes
    return sum(_NOTE + each * math.prod(resized_size(size, spec)) for size in sizes)


class PixelShelf:
    """The records of one preprocessing. May be used from several threads and processes.

    Args:
        folder: of the cache.
        budget_bytes: of all that is in `folder`.
        spec: how the pixels were made.
        mapped_bytes: of its files, what stays in memory of the process at most.
    """

    def __init__(self, folder: Path, budget_bytes: int, spec: PreprocessSpec, mapped_bytes: int = 2 * 2**30) -> None:
        self._folder, self._disk, self._space = folder, ChunkFolder(folder, budget_bytes), pixels_key(spec)
        self._places: dict[str, tuple[str, int]] = {}
        self._seen: set[str] = set()
        self._learn()
        self._mapped: dict[str, Packed | None] = {}
        self._waiting: dict[str, Tensor] = {}
        self._lock = threading.Lock()
        self._most, self._read = mapped_bytes, 0
        self.found = self.stored = 0
        """Records that were read, and that were written."""

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which maps what it reads."""
        return vars(self) | {"_lock": None, "_mapped": {}, "_waiting": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def get(self, sample: Sample) -> tuple[Tensor, Look] | None:
        """Pixels (C, H, W), mapped and not to be changed, and the look at the image; `None` if not there."""
        key = _key(sample)
        with self._lock:
            place = self._places.get(key or "")
            if place is None:
                return None
            chunk, row = place
            if chunk not in self._mapped:
                self._mapped[chunk] = self._disk.read(self._space, chunk)
            packed = self._mapped[chunk]
            self.found += packed is not None
            if packed is not None:
                self._count(packed.rows.shape[1])
        return None if packed is None else _unpacked(packed.rows[row])

    def _count(self, size: int) -> None:
        """Pages that were read stay in the process up to a limit."""
        self._read += size + 2 * mmap.PAGESIZE
        if self._read > self._most:
            self._read = 0
            for packed in self._mapped.values():
                if packed is not None:
                    packed.let_go()

    def put(self, sample: Sample, pixels: Tensor, look: Look) -> None:
        """Keep what was read of a sample; written with others, when there are enough or at `flush`."""
        key, record = _key(sample), _record(pixels, look)
        if key is None or record is None or not self._disk.writable:
            return
        with self._lock:
            self._waiting[key] = record
            full = sum(record.nbytes for record in self._waiting.values()) >= _CHUNK_BYTES
        if full:
            self.flush()

    def _learn(self) -> set[str]:
        """Take note of what chunks hold that were not there before; all that are there now."""
        chunks = self._disk.chunks(self._space)
        for chunk in chunks.keys() - self._seen:
            self._places.update({key: (chunk, row) for row, key in enumerate(as_texts(chunks[chunk]))})
        self._seen = set(chunks)
        return self._seen

    def flush(self) -> None:
        """Write what waits, but for what another process has written meanwhile, which is read from now on."""
        with self._lock:
            if self._waiting:
                with claim(self._folder, self._space, kind="pixels"):
                    self._write()

    def _write(self) -> None:
        there = self._learn()
        known = {key for key in self._waiting if self._places.get(key, ("", 0))[0] in there}
        self._waiting = {key: record for key, record in self._waiting.items() if key not in known}
        if not self._waiting:
            return
        keys, records = list(self._waiting), list(self._waiting.values())
        self._waiting.clear()
        longest = -(-max(map(len, records)) // _ALIGNED) * _ALIGNED
        rows = torch.zeros(len(records), longest, dtype=torch.uint8)
        for row, record in zip(rows, records, strict=True):
            row[: len(record)] = record
        chunk = self._disk.write(self._space, keys, Packed(rows, None, 0.0))
        if chunk is not None:
            self._places.update({key: (chunk, row) for row, key in enumerate(keys)})
            self._seen.add(chunk)
            self._mapped.pop(chunk, None)
            self.stored += len(keys)


def _key(sample: Sample) -> str | None:
    """Address of a file's content; `None` for what is in memory, and for a file that cannot be read."""
    if isinstance(sample.source, (str, Path, bytes, Tile)):
        with contextlib.suppress(OSError):
            return sample_key(sample)
    return None


def _record(pixels: Tensor, look: Look) -> Tensor | None:
    array = pixels.numpy().transpose(1, 2, 0)
    shape, outline = array.shape, base64.b64encode(look.outline[1]).decode()
    facts = dataclasses.asdict(look) | {"outline": [look.outline[0], outline], "shape": shape}
    facts |= {} if array.dtype == np.uint8 else {"dtype": str(array.dtype)}
    note = json.dumps(facts).encode().ljust(_NOTE)
    if len(note) > _NOTE or max(shape[:2]) > _LONGEST * min(shape[:2]):
        return None
    return torch.from_numpy(np.concatenate([np.frombuffer(note, np.uint8), array.reshape(-1).view(np.uint8)]))


def _unpacked(record: Tensor) -> tuple[Tensor, Look]:
    facts = json.loads(record[:_NOTE].numpy().tobytes())
    shape, outline = facts.pop("shape"), facts.pop("outline")
    dtype, tuples = (
        np.dtype(facts.pop("dtype", "uint8")),
        {k: tuple(v) for k, v in facts.items() if isinstance(v, list)},
    )
    values = record[_NOTE : _NOTE + math.prod(shape) * dtype.itemsize].numpy().view(dtype)
    pixels = torch.from_numpy(values.reshape(shape)).permute(2, 0, 1)
    return pixels, Look(**facts | tuples, outline=(outline[0], base64.b64decode(outline[1])))
