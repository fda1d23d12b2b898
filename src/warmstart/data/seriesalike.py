"""Near copies among series: the same at another offset or scale, and windows of one recording that overlap.

Series of other offset and scale are equal once every channel has mean 0 and standard deviation 1. They are compared at
64 points, and only with those that a projection on a fixed direction brings near them, which no pair that is closer
than the bound escapes (Cauchy-Schwarz).

Windows that overlap hold the same values in a row. Of all runs of 12 steps those with the smallest hashes are kept
(A. Broder, "On the resemblance and containment of documents", 1997); three that agree at one distance in time make an
overlap. Windows that were each scaled by themselves before share no values, and are not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from warmstart.preprocess.series import SeriesSpec

POINTS = 64
_CLOSE = 2e-3
"""Distance of outlines of length 1 below which they are the same; numbers in files are rounded."""
_BESIDE = 500
"""Series that one is compared with, in each direction, at most: where there are more, they are no copies."""
_RUN, _DIFFERENT, _KEPT, _AGREE = 12, 6, 64, 3
"""Steps of a run, the different values it must have, runs that are kept of a series, and those that must agree."""
_COMMON = 16
"""Series that may share a run; one that more share says nothing."""

Pairs = list[tuple[int, int]]
_draw = np.random.default_rng(0).integers(1, 2**63, _RUN, dtype=np.uint64) | np.uint64(1)
_record = np.dtype([("hash", np.uint64), ("at", np.int64)])


def outline(values: npt.NDArray[np.float64]) -> bytes:
    """What series (channels, steps) of any offset and scale share: 64 points of each channel, together of length 1.

    Empty for a series of fewer than 8 steps, and for one that is constant: they are like no other.
    """
    if values.shape[1] < POINTS // 8:
        return b""
    found = SeriesSpec(POINTS, channels=len(values)).read(values).ravel()
    length = float(np.linalg.norm(found))
    return (found / length).tobytes() if length > 0 else b""


def runs(values: npt.NDArray[np.float64]) -> bytes:
    """Hashes of runs of 12 steps, all channels together, and where each begins: those with the smallest hashes."""
    steps = values.shape[1]
    if steps < 2 * _RUN:
        return b""
    bits = np.nan_to_num(values).view(np.uint64)
    mixed = np.zeros(steps, dtype=np.uint64)
    for channel in bits:
        mixed = (mixed ^ (channel ^ (channel >> np.uint64(32)))) * _draw[0] + _draw[1]
    mixed ^= mixed >> np.uint64(29)
    last = steps - _RUN + 1
    hashes = np.zeros(last, dtype=np.uint64)
    for i in range(_RUN):
        hashes += mixed[i : last + i] * _draw[i]
    hashes = (hashes ^ (hashes >> np.uint64(31))) * _draw[2]
    changes = np.concatenate([[0], np.cumsum(mixed[1:] != mixed[:-1])])
    telling = changes[_RUN - 1 :] - changes[:last] >= _DIFFERENT - 1
    kept = np.flatnonzero(telling)
    kept = kept[np.argsort(hashes[kept], kind="stable")[:_KEPT]]
    found = np.empty(len(kept), dtype=_record)
    found["hash"], found["at"] = hashes[kept], kept
    return found.tobytes()


def same_shapes(shapes: Mapping[int, bytes]) -> Iterator[tuple[int, int]]:
    """(earlier index, index) of series that differ in offset and scale alone; `shapes` maps an index to its `outline`.

    >>> line, wave = np.arange(100.0)[None], np.sin(np.arange(100.0))[None]
    >>> [*same_shapes({0: outline(wave), 1: outline(line), 2: outline(3 * line - 7)})]
    [(1, 2)]
    """
    by_length: dict[int, list[int]] = {}
    for i, shape in shapes.items():
        if shape:
            by_length.setdefault(len(shape), []).append(i)
    for indices in by_length.values():
        at = np.array(sorted(indices))
        rows = np.frombuffer(b"".join(shapes[int(i)] for i in at), np.float32).reshape(len(at), -1)
        for a, b in _close_rows(rows):
            yield int(at[min(a, b)]), int(at[max(a, b)])


def overlapping(found: Mapping[int, bytes]) -> Iterator[tuple[int, int]]:
    """(earlier index, index) of series that hold the same values in a row; `found` maps an index to its `runs`.

    >>> long = np.random.default_rng(0).normal(size=(1, 150))
    >>> [*overlapping({0: runs(long[:, :100]), 1: runs(long[:, 50:]), 2: runs(-long)})]
    [(0, 1)]
    """
    tables = [(i, np.frombuffer(data, _record)) for i, data in found.items() if data]
    if not tables:
        return
    hashes = np.concatenate([table["hash"] for _, table in tables])
    places = np.concatenate([table["at"] for _, table in tables])
    whose = np.repeat([i for i, _ in tables], [len(table) for _, table in tables])
    order = np.lexsort((whose, hashes))
    hashes, places, whose = hashes[order], places[order], whose[order]
    shared: list[npt.NDArray[np.int64]] = []
    for step in range(1, _COMMON):
        same = (hashes[step:] == hashes[:-step]) & (whose[step:] != whose[:-step])
        if not same.any():
            break
        first, second = whose[:-step][same], whose[step:][same]
        shared.append(np.stack([first, second, places[step:][same] - places[:-step][same]], 1))
    if shared:
        triples, counts = np.unique(np.concatenate(shared), axis=0, return_counts=True)
        pairs = np.unique(triples[counts >= _AGREE][:, :2], axis=0)
        yield from ((int(a), int(b)) for a, b in pairs)


def _close_rows(rows: npt.NDArray[np.float32]) -> Pairs:
    """Places of rows of length 1 that are closer to each other than the bound."""
    direction = np.random.default_rng(1).normal(size=(rows.shape[1], 2))
    direction /= np.linalg.norm(direction, axis=0)
    near = rows @ direction
    order = np.argsort(near[:, 0], kind="stable")
    first, second = near[order].T
    found: Pairs = []
    for step in range(1, min(len(rows), _BESIDE + 1)):
        close = (first[step:] - first[:-step]) <= _CLOSE
        if not close.any():
            break
        close &= np.abs(second[step:] - second[:-step]) <= _CLOSE
        a, b = order[:-step][close], order[step:][close]
        apart = np.linalg.norm(rows[a] - rows[b], axis=1)
        found += [(int(i), int(j)) for i, j in zip(a[apart <= _CLOSE], b[apart <= _CLOSE], strict=True)]
    return found
