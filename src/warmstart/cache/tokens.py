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
from warmstart.cache.lookup import as_texts
from warmstart.cache.packing import Packed
from warmstart.preprocess.encoded import EncodedTexts, Numbers, Ragged
from warmstart.preprocess.text import TextSpec

_FORMAT = 2
_LEAST = 1_000_000
"""Characters of a data set; with fewer the tokens are made as fast as they are read."""
_TYPES = ("zero", "bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "int64")
"""Types of the arrays in a record, by number; of one that is all zero there is nothing but its length."""
_PARTS, _ALIGNED = 8, 8


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

    def get(self, spec: TextSpec, texts: Sequence[Sequence[str]], targets: Sequence[str | None]) -> EncodedTexts | None:
        """The tokens of the texts as `spec` reads them, mapped and not loaded; `None` if they are not there.

        `targets` are what is to be written, for a spec that writes; they have no part in other addresses.
        """
        space, key = _space(spec), _key(spec, texts, targets)
        chunk = next((name for name, keys in self._disk.chunks(space).items() if key in as_texts(keys)), None)
        packed = None if chunk is None else self._disk.read(space, chunk)
        return None if packed is None else _unpacked(packed.rows[0].numpy(), len(texts))

    def put(
        self,
        spec: TextSpec,
        texts: Sequence[Sequence[str]],
        targets: Sequence[str | None],
        encoded: EncodedTexts,
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


def _packed(encoded: EncodedTexts) -> npt.NDArray[np.uint8]:
    """Length and type of each array, then their bytes one after the other, each at a multiple of `_ALIGNED`."""
    facts, parts = list[int](), list[npt.NDArray[np.uint8]]()
    for numbers in _arrays(encoded):
        kept = numbers if numbers.any() else numbers[:0]
        facts += [len(numbers), _TYPES.index(kept.dtype.name if len(kept) else "zero")]
        parts += [np.ascontiguousarray(kept).view(np.uint8), np.zeros(-kept.nbytes % _ALIGNED, np.uint8)]
    return np.concatenate([np.array(facts, dtype=np.int64).view(np.uint8), *parts])


def _arrays(encoded: EncodedTexts) -> tuple[Numbers, ...]:
    rows = (encoded.ids, encoded.starts, encoded.written)
    return (*(array for one in rows for array in (one.values, one.bounds)), encoded.types, encoded.cut)


def _unpacked(record: npt.NDArray[np.uint8], n: int) -> EncodedTexts | None:
    """Views of a record; `None` if it is not of so many texts."""
    at = 2 * _PARTS * np.dtype(np.int64).itemsize
    found: list[Numbers] = []
    for length, kind in record[:at].view(np.int64).reshape(-1, 2).tolist():
        dtype = np.dtype(_TYPES[kind] if kind else np.uint8)
        size = length * dtype.itemsize if kind else 0
        whole = record[at : at + size].view(dtype)
        found.append(whole if kind else np.broadcast_to(np.zeros(1, np.uint8)[0], (length,)))
        at += -(-size // _ALIGNED) * _ALIGNED
    ids, starts, written = (Ragged(*found[i : i + 2]) for i in (0, 2, 4))
    types, cut = found[6:]
    fits = all(len(rows) == n and rows.bounds[-1] == len(rows.values) for rows in (ids, starts, written))
    if not fits or len(types) != len(ids.values) or len(cut) != n or at != len(record):
        return None
    return EncodedTexts(ids, types, cut.view(bool), starts, written)
