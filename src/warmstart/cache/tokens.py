"""Tokens that outlast a run: a data set of texts is tokenized once, and read from the cache ever after.

A record is what the tokenizer made of all texts of a data set; its address is the texts and all that makes the tokens.
Records share folder, budget and eviction with the activations. It pays for many or long texts alone: the tokenizer does
about a million characters a second on a core.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from warmstart.cache.disk import ChunkFolder
from warmstart.cache.packing import Packed
from warmstart.preprocess.text import Encoded, TextSpec

_FORMAT = 1
_LEAST = 1_000_000
"""Characters of a data set; with fewer the tokens are made as fast as they are read."""
Numbers = npt.NDArray[np.int32]


class TokenShelf:
    """The tokens of whole data sets.

    Args:
        folder: of the cache.
        budget_bytes: of all that is in `folder`.
    """

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self._disk = ChunkFolder(folder, budget_bytes)

    def pays(self, texts: Sequence[Sequence[str]]) -> bool:
        """Whether texts (of one or two parts, or of words) are worth a record."""
        return sum(len(part) for text in texts for part in text) >= _LEAST

    def get(
        self, spec: TextSpec, texts: Sequence[Sequence[str]], targets: Sequence[str | None]
    ) -> list[Encoded] | None:
        """The tokens of the texts as `spec` reads them; `None` if they are not there.

        `targets` are what is to be written, for a spec that writes; they have no part in other addresses.
        """
        space, key = _space(spec), _key(spec, texts, targets)
        chunk = next((name for name, keys in self._disk.chunks(space).items() if key in keys), None)
        packed = None if chunk is None else self._disk.read(space, chunk)
        return None if packed is None else _unpacked(packed.rows[0].numpy(), len(texts))

    def put(
        self,
        spec: TextSpec,
        texts: Sequence[Sequence[str]],
        targets: Sequence[str | None],
        encoded: Sequence[Encoded],
    ) -> bool:
        """Keep them; whether that could be done."""
        record = torch.from_numpy(_packed(encoded))[None]
        return self._disk.write(_space(spec), [_key(spec, texts, targets)], Packed(record, None, 0.0)) is not None


def _space(spec: TextSpec) -> str:
    versions = {name: importlib.metadata.version(name) for name in ("tokenizers", "warmstart")}
    facts = {"tokens": spec.to_dict(), "versions": versions, "format": _FORMAT}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _key(spec: TextSpec, texts: Sequence[Sequence[str]], targets: Sequence[str | None]) -> str:
    digest = hashlib.sha256()
    for text, target in zip(texts, targets, strict=True):
        digest.update(json.dumps([*text, target if spec.writes else None]).encode())
    return digest.hexdigest()


def _packed(encoded: Sequence[Encoded]) -> npt.NDArray[np.uint8]:
    """Counts of each text, then all tokens, word starts and written tokens one after the other."""
    counts = [[len(one.tokens), one.cut, len(one.starts), len(one.written)] for one in encoded]
    parts = [
        np.array(counts, dtype=np.int32).reshape(-1),
        *(one.tokens.reshape(-1) for one in encoded),
        *(one.starts for one in encoded),
        *(np.array(one.written, dtype=np.int32) for one in encoded),
    ]
    return np.concatenate([part.astype(np.int32, copy=False) for part in parts]).view(np.uint8)


def _unpacked(record: npt.NDArray[np.uint8], n: int) -> list[Encoded] | None:
    numbers: Numbers = record.view(np.int32)
    counts, rest = numbers[: 4 * n].reshape(n, 4), numbers[4 * n :]
    lengths, cut, starts, written = counts.T
    sizes = [2 * int(lengths.sum()), int(starts.sum()), int(written.sum())]
    if len(rest) != sum(sizes):
        return None
    tokens, begun, made = np.split(rest, np.cumsum(sizes)[:2])
    rows = np.split(tokens.reshape(-1, 2), np.cumsum(lengths)[:-1])
    firsts, ends = np.split(begun, np.cumsum(starts)[:-1]), np.split(made, np.cumsum(written)[:-1])
    return [
        Encoded(row.copy(), bool(was_cut), first.copy(), tuple(end.tolist()))
        for row, was_cut, first, end in zip(rows, cut, firsts, ends, strict=True)
    ]
