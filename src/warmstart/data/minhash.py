"""Near copies among texts: the same but for a sentence, a signature, a date.

The share of runs of three words that two texts have in common (Jaccard) is estimated from 128 minima of hashes
(A. Broder, "On the resemblance and containment of documents", 1997). Candidates are those that agree in one of 32
bands of four minima (J. Leskovec, A. Rajaraman, J. Ullman, "Mining of Massive Datasets", section 3.4), so that all
pairs need not be compared: of pairs that share 0.7 less than one in a thousand is missed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

_HASHES, _BANDS = 128, 32
_RUN = 3
"""Words. A text of fewer is like no other: its copies are found by its hash."""
_CLOSE = 0.7
"""Share of the minima that agree; its standard error is 0.04 there."""
_BESIDE = 4
"""Texts of one band that one is compared with, in each band."""
_AT_ONCE = 1 << 16
_DENSE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(f"[{_DENSE}]|[^\\W{_DENSE}]+")
"""A word, or a character of a script that writes without spaces."""

_draw = np.random.default_rng(0).integers(1, 2**63, (2, _HASHES, 1), dtype=np.uint64)
_TIMES, _PLUS = _draw[0] | np.uint64(1), _draw[1]
_STEPS = np.random.default_rng(1).integers(1, 2**63, (_RUN, 1), dtype=np.uint64) | np.uint64(1)

Words = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]


def signature(text: str) -> bytes:
    """128 numbers of 16 bits, of which texts share as many as they share runs of three words; empty for fewer words.

    >>> signature("It rains."), len(signature("It rains in Spain."))
    (b'', 256)
    """
    words = [zlib.crc32(word.encode()) for word in _WORD.findall(text)]
    if len(words) < _RUN:
        return b""
    hashed = np.array(words, dtype=np.uint64)
    runs: Words = np.sum([hashed[i : len(words) - _RUN + 1 + i] * _STEPS[i] for i in range(_RUN)], axis=0)
    least = np.full(_HASHES, np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, len(runs), 1024):  # of a long text not all at once, which is faster and takes no memory
        mixed = (runs[start : start + 1024] ^ (runs[start : start + 1024] >> np.uint64(29))) * _TIMES + _PLUS
        least = np.minimum(least, (mixed >> np.uint64(20)).min(1))
    return least.astype(np.uint16).tobytes()


def near_copies(known: Mapping[int, bytes], asked: Mapping[int, bytes]) -> Iterator[tuple[int, int]]:
    """(index among `known`, index among `asked`) of each asked text with a near copy; the closest one.

    Both map an index to its `signature`; an empty one is like no other.
    """
    ours, known_at = _stacked(known)
    theirs, asked_at = _stacked(asked)
    best: dict[int, tuple[float, int]] = {}
    for a, b in _candidates(ours, theirs):
        for first, later, share in _shares(ours, theirs, a, b):
            best[later] = max(best.get(later, (0.0, -1)), (share, first))
    yield from ((known_at[first], asked_at[later]) for later, (_, first) in sorted(best.items()))


def pairs_near(signatures: Mapping[int, bytes]) -> Iterator[tuple[int, int]]:
    """(earlier index, index) of texts that are near copies; of many that are, enough to join them all."""
    stack, at = _stacked(signatures)
    for keys in _keys(stack):
        order = np.argsort(keys, kind="stable")
        same = keys[order[1:]] == keys[order[:-1]]
        for first, later, _ in _shares(stack, stack, order[:-1][same], order[1:][same]):
            yield at[first], at[later]


def _stacked(signatures: Mapping[int, bytes]) -> tuple[npt.NDArray[np.uint16], list[int]]:
    """The signatures that there are (n, 128), and the index of each."""
    at = [i for i, found in signatures.items() if found]
    return np.frombuffer(b"".join(signatures[i] for i in at), np.uint16).reshape(-1, _HASHES), at


def _keys(stack: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint64]:
    """One number for each band and text (32, n)."""
    return np.ascontiguousarray(stack).view(np.uint64).reshape(len(stack), _BANDS).T


def _candidates(ours: npt.NDArray[np.uint16], theirs: npt.NDArray[np.uint16]) -> Iterator[tuple[Pairs, Pairs]]:
    """Places (among ours, among theirs) of texts that agree in a band, at most four of ours for each of theirs."""
    for keys, wanted in zip(_keys(ours), _keys(theirs), strict=True):
        order = np.argsort(keys, kind="stable")
        sorted_keys = keys[order]
        start, stop = (np.searchsorted(sorted_keys, wanted, side=side) for side in ("left", "right"))
        for step in range(_BESIDE):
            there = np.flatnonzero(start + step < stop)
            yield order[start[there] + step], there


def _shares(
    ours: npt.NDArray[np.uint16], theirs: npt.NDArray[np.uint16], a: Pairs, b: Pairs
) -> Iterator[tuple[int, int, float]]:
    """(place among ours, among theirs, share of minima that agree) of the pairs that are close enough."""
    for start in range(0, len(a), _AT_ONCE):
        left, right = a[start : start + _AT_ONCE], b[start : start + _AT_ONCE]
        share = (ours[left] == theirs[right]).mean(1)
        close = share >= _CLOSE
        yield from zip(left[close].tolist(), right[close].tolist(), share[close].tolist(), strict=True)
