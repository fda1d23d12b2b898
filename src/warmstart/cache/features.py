"""Activations of samples at a cut: what is stored is read, the rest is computed in one pass, and stored.

The result depends on the sample and the weights alone, not on the batch it was in (to float tolerance) nor on what was
cached (bit for bit). Decoding runs in the threads of `ImageBatches` while the network computes. The same pass can store
the activations at lower cuts as well, for those who will train from there later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.chunk import chunk_name
from warmstart.cache.claim import Beat, one_after_the_other
from warmstart.cache.computing import chunks, fill, report
from warmstart.cache.lookup import Asked, Keys, as_texts
from warmstart.cache.packing import Packed
from warmstart.cache.rows import StoredRows
from warmstart.cache.sharing import in_shares
from warmstart.cache.wanted import BATCH, Progress, Wanted
from warmstart.data.schema import IntArray
from warmstart.data.stores import computing_order
from warmstart.engine.processes import leading

WORTH_SHARING = 4 * BATCH
"""Samples below which other processes are not asked: to send them the network takes as long."""


def activations(
    wanted: Wanted,
    cut: int,
    indices: Sequence[int] | IntArray,
    *,
    also: Collection[int] = (),
    progress: Progress = None,
) -> Tensor:
    """Activations (len(indices), ...) at `cut`, float32 on the CPU, rows in the order of `indices`, without gradient.

    Args:
        wanted: see there.
        cut: index into `chain.cuts`; negative counts from the end, so -1 gives the pooled features.
        indices: into the data set of the store; may repeat.
        also: lower cuts whose activations are stored too, where the samples have to be computed anyway.
        progress: called with the number of samples done since the call before; the stored ones come first.
    """
    cut, order = range(len(wanted.chain.cuts))[cut], np.asarray(indices, dtype=np.int64)
    keys = wanted.keys(order)
    out = torch.empty(len(order), *wanted.shape(cut))
    missing = np.array(wanted.cache.fetch(wanted.space(cut), keys, out), dtype=np.int64)
    report(progress, len(order) - len(missing))
    asked = Asked(keys[missing])
    once = missing[asked.first]  # the same picture twice is computed once

    def put(computed: Keys, packed: Packed) -> None:
        rows, places = asked.among(computed)
        out[torch.from_numpy(missing[places])] = packed.unpack(torch.from_numpy(rows))

    _compute(wanted, cut, keys[once], order[once], also, put, progress)
    report(progress, len(missing) - len(once))
    return out


def stored_activations(
    wanted: Wanted,
    cut: int,
    indices: Sequence[int] | IntArray,
    *,
    also: Collection[int] = (),
    progress: Progress = None,
) -> StoredRows | None:
    """What `activations` gives, left where it is stored; `None` where the store has no room for it."""
    cut, order = range(len(wanted.chain.cuts))[cut], np.asarray(indices, dtype=np.int64)
    keys, space = wanted.keys(order), wanted.space(cut)
    found: StoredRows | None = None
    for _ in range(2):  # that a file is damaged shows when it is read; then its samples are missing after all
        missing = np.array(wanted.cache.missing(space, keys), dtype=np.int64)
        once = missing[Asked(keys[missing]).first]
        _compute(wanted, cut, keys[once], order[once], also, None, progress)
        found = wanted.cache.rows(space, keys, wanted.shape(cut))
        if found is not None:
            break
    return found


def _compute(
    wanted: Wanted,
    cut: int,
    keys: Keys,
    indices: IntArray,
    also: Collection[int],
    done: Callable[[Keys, Packed], None] | None,
    progress: Progress,
) -> None:
    """Compute and store the activations of the samples at `indices` at `cut`, and at the cuts of `also`, but for what
    another run is computing: that is waited for.

    `done` is given those at `cut`, where it is there; else they need only be stored.
    """
    order = computing_order(wanted.store, indices)
    keys, indices = keys[order], indices[order]
    lower = [other for other in sorted(set(also)) if other < cut and wanted.cache.missing(wanted.space(other), keys)]
    cuts = [*lower, cut] if len(keys) else []
    spaces = {at: wanted.space(at) for at in cuts}

    def keep(part: Keys, rows: dict[int, Tensor]) -> None:
        names = as_texts(part)
        packed = [wanted.cache.put(spaces[at], names, rows[at], wanted.dtype) for at in cuts]
        if done is not None:
            done(part, packed[-1])

    group = leading()
    if group is not None and len(keys) >= WORTH_SHARING:
        sends = done is not None or wanted.cache.folder is None or not group.together
        if in_shares(group, wanted, cuts, keys, indices, keep, sends=sends, progress=progress):
            return
    parts = chunks(wanted, cuts, len(keys))
    names = [f"{spaces[cut]} {chunk_name(as_texts(keys[part]))}" for part in parts]
    for number, beat in one_after_the_other(wanted.cache.folder, names):
        part, some = keys[parts[number]], indices[parts[number]]
        left = _left(wanted, cut, part, done, progress)
        if len(left):
            fill(wanted, cuts, part[left], some[left], keep, _telling(progress, beat))


def _left(
    wanted: Wanted, cut: int, keys: Keys, done: Callable[[Keys, Packed], None] | None, progress: Progress
) -> IntArray:
    """Positions of what another run has not stored meanwhile; what it has is handed to `done`."""
    everything, space = np.arange(len(keys)), wanted.space(cut)
    missing = np.array(wanted.cache.missing(space, keys), dtype=np.int64)
    if len(missing) == len(keys):
        return everything
    if done is None:
        left = missing
    else:
        out = torch.empty(len(keys), *wanted.shape(cut))
        left = np.array(wanted.cache.fetch(space, keys, out), dtype=np.int64)
        there = np.setdiff1d(everything, left)
        done(keys[there], Packed(out[torch.from_numpy(there)], None, 0.0))
    report(progress, len(keys) - len(left))
    return left


def _telling(progress: Progress, beat: Beat) -> Callable[[int], None]:
    def tell(samples: int) -> None:
        beat()
        report(progress, samples)

    return tell
