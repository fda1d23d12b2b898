"""Activations computed by all processes of a run, each a share of the samples.

Where they are to be stored and all processes see the folder, each stores its own share, and the store is then read as
ever. Else what the others have computed is sent to process 0.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.cache.computing import fill
from warmstart.cache.lookup import Keys, as_texts
from warmstart.cache.store import ActivationStore
from warmstart.cache.wanted import Progress, Wanted
from warmstart.data.schema import IntArray
from warmstart.data.shares import of_rank
from warmstart.data.stores import InputStore
from warmstart.engine.processes import Group, Sent, UnsendableError, current
from warmstart.model.chain import Chain
from warmstart.model.inputs import weight_of

_log = logging.getLogger(__name__)
Keep = Callable[[Keys, dict[int, Tensor]], None]


def in_shares(
    group: Group,
    wanted: Wanted,
    cuts: Sequence[int],
    keys: Keys,
    indices: IntArray,
    keep: Keep,
    *,
    sends: bool,
    progress: Progress,
) -> bool:
    """Have all processes compute the activations of the samples at `indices`; False where that cannot be.

    `keep` is given this process's share, and where the others send theirs (`sends`), those too; where not, they store
    them.
    """
    ranks = [of_rank(len(keys), wanted.batch_size, rank, group.size) for rank in range(group.size)]
    told = _Scaled(progress, len(keys), group.size)
    how = {name: getattr(wanted, name) for name in ("spec", "dtype", "runtime", "view", "batch_size")}

    def here() -> None:
        fill(wanted, cuts, keys[ranks[0]], indices[ranks[0]], keep, told)

    try:
        given = (wanted.chain, group.sent(wanted.store), group.sent(wanted.cache), how, cuts, keys, indices, sends)
        found = group.shared(_of_helper, *given, here=here)
    except UnsendableError as error:
        _log.warning("this process computes all activations itself: %s", error)
        return False
    for rank, rows in zip(ranks[1:], found[1:], strict=True):
        if rows is not None:
            keep(keys[rank], rows)
    told.rest()
    return True


def _of_helper(
    chain: Chain,
    store: Sent[InputStore],
    cache: Sent[ActivationStore],
    how: dict[str, Any],
    cuts: Sequence[int],
    keys: Keys,
    indices: IntArray,
    sends: bool,
) -> dict[int, Tensor] | None:
    """The share of this process: by cut if it is to be sent, else stored."""
    group = current()
    assert group is not None
    chain.module.to(weight_of(chain.module).device.type)  # of this process, which may have a GPU of its own
    wanted = Wanted(chain, store.there, cache.there, **how)
    mine = np.array(of_rank(len(keys), wanted.batch_size, group.rank, group.size), dtype=np.int64)
    spaces = {at: wanted.space(at) for at in cuts}
    found: dict[int, list[Tensor]] = {at: [] for at in cuts}

    def keep(part: Keys, rows: dict[int, Tensor]) -> None:
        for at in cuts:
            if sends:
                found[at].append(rows[at])
            else:
                wanted.cache.put(spaces[at], as_texts(part), rows[at], wanted.dtype)

    fill(wanted, cuts, keys[mine], indices[mine], keep, None)
    if not sends:
        return None
    return {at: torch.cat(parts) if parts else torch.empty(0, *wanted.shape(at)) for at, parts in found.items()}


class _Scaled:
    """Tells of the progress of all by that of this process."""

    def __init__(self, progress: Progress, total: int, size: int) -> None:
        self._progress, self._left, self._size = progress, total, size

    def __call__(self, samples: int) -> None:
        now = min(samples * self._size, self._left)
        self._left -= now
        if self._progress is not None and now:
            self._progress(now)

    def rest(self) -> None:
        """All others are done, too."""
        self(self._left)
