"""Parts of data that come from two places: what is held out of one must not be learned from by way of the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from warmstart.api.inputs.prepare import Decoded, divide
from warmstart.data.audit import Audit, audit_of
from warmstart.data.schema import IntArray, Split
from warmstart.data.targets import OF_NAMES
from warmstart.data.together import Sets


def divided(whole: Decoded, members: IntArray, alike: Sets, *, val: float, test: float, seed: int) -> Split:
    """The parts of the samples at `members`, as positions in the whole; as they would be divided alone.

    `alike` are sets of copies in the whole.

    Raises:
        DataError: as `warmstart.api.inputs.prepare.divide` does.
    """
    place = {int(i): k for k, i in enumerate(members)}
    within = [[place[i] for i in one if i in place] for one in alike]
    within = [one for one in within if len(one) > 1]
    alone = divide(whole.dataset.subset(members), val=val, test=test, seed=seed, alike=within)
    train, held, tested = (members[part] for part in (alone.train, alone.val, alone.test))
    return Split(train, held, tested, alone.how, alone.notes)


def without_copies(learned: IntArray, held: IntArray, alike: Sets) -> IntArray:
    """Those of `learned` of which nothing in `held` is a copy.

    >>> without_copies(np.array([0, 1, 2]), np.array([5]), [[1, 5]]).tolist()
    [0, 2]
    """
    kept = set(held.tolist())
    copies = [i for one in alike if kept & set(one) for i in one]
    found: IntArray = np.setdiff1d(learned, copies)
    return found


def audit_part(whole: Decoded, members: Sequence[int] | IntArray, split: Split) -> Audit:
    """What is to be said of the samples at `members` alone, divided as `split` (positions in the whole) has it."""
    place = {int(i): k for k, i in enumerate(members)}
    parts = [np.array([place[int(i)] for i in part if int(i) in place], np.int64) for part in _parts(split)]
    looks, some = [whole.looks[int(i)] for i in members], whole.dataset.subset(members)
    if some.target.kind in ("classify", "multilabel"):  # no class is wanting that nobody promised
        there = tuple(name for name in some.target.classes if some.counts[name])
        some = dataclasses.replace(some, target=OF_NAMES[some.target.kind](there))
    found = audit_of(some, Split(parts[0], parts[1], parts[2], split.how, split.notes), looks)
    return dataclasses.replace(found, corrupt=whole.corrupt)


def _parts(split: Split) -> tuple[IntArray, IntArray, IntArray]:
    return split.train, split.val, split.test
