"""What must lie in one part: samples of one group, and pictures, texts or series that are copies of each other.

One that is learned from and measured on again makes the score untrue. Where the parts are ours to make, copies
are therefore kept together, like a group. So are look-alikes (`warmstart.data.lookalike`, of texts
`warmstart.data.minhash`, of series `warmstart.data.seriesalike`), but for those of which a class has many: then they
are what its samples look like, and no copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from warmstart.data.lookalike import pairs_alike
from warmstart.data.minhash import pairs_near
from warmstart.data.scan import Look, alike
from warmstart.data.schema import Dataset, IntArray
from warmstart.data.seriesscan import SeriesLook, series_alike
from warmstart.data.textscan import TextLook

Sets = Sequence[Sequence[int]]
_MANY = 0.1
"""Share of a class or another stratum; more samples than that which look alike (and more than two) are no copies."""


def copies(dataset: Dataset, looks: Sequence[Look | None]) -> list[list[int]]:
    """Indices of the samples that are copies of each other or look just alike, for each set of them."""
    read = {i: found for i, found in enumerate(looks) if found is not None and not found.error}
    exact = alike({i: found.pixels for i, found in read.items()})
    outlines = {i: found.outline for i, found in read.items()}
    signatures = {i: found.signature for i, found in read.items() if isinstance(found, TextLook)}
    series = {i: found for i, found in read.items() if isinstance(found, SeriesLook)}
    unit = joined(len(dataset), [*exact, *pairs_alike(outlines), *pairs_near(signatures), *series_alike(series)])
    strata = dataset.strata + 1  # 0 where the label is unknown
    counts = np.bincount(strata)
    near = [
        members
        for members in sets_of(unit)
        if (np.bincount(strata[members], minlength=len(counts)) <= np.maximum(2, _MANY * counts)).all()
    ]
    return sets_of(joined(len(dataset), [*exact, *near]))


def joined(n: int, sets: Iterable[Sequence[int]]) -> IntArray:
    """The unit of each of 0..n-1 (n,), numbered by their first: all that are in one set, or in sets that meet.

    >>> joined(5, [[0, 3], [3, 4]]).tolist()
    [0, 1, 2, 0, 0]
    """
    ends = [(members[0], other) for members in sets for other in members[1:]]
    rows, columns = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    from scipy.sparse import coo_array  # a bundle that answers does without
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(ends)), (rows, columns)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    _, first, unit = np.unique(component, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[unit]


def sets_of(unit: IntArray) -> list[list[int]]:
    """The members of each unit that has several."""
    members: dict[int, list[int]] = {}
    for i, number in enumerate(unit.tolist()):
        members.setdefault(number, []).append(i)
    return [found for found in members.values() if len(found) > 1]


def group_sets(groups: Sequence[str | None]) -> list[list[int]]:
    """Positions of the samples of each group; one without a group is in none."""
    members: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(i)
    return list(members.values())
