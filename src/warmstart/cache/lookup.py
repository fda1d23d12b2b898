"""Addresses of many samples in an array, 64 bytes each, and which of them are asked for: no object for each sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from warmstart.data.schema import IntArray

Keys = npt.NDArray[np.bytes_]


def as_keys(keys: Sequence[str] | Keys) -> Keys:
    """Addresses (n,) as an array; as it is if it is one."""
    return keys if isinstance(keys, np.ndarray) else np.array(keys, dtype=np.bytes_)


def as_texts(keys: Keys) -> list[str]:
    """The same as text, of a few."""
    found: list[str] = keys.astype(str).tolist()
    return found


class Asked:
    """Samples that are asked for, by address; one may be asked for several times.

    >>> asked = Asked(["b", "a", "b"])
    >>> rows, positions = asked.among(as_keys(["c", "b"]))
    >>> rows.tolist(), positions.tolist(), asked.first.tolist()
    ([1, 1], [0, 2], [0, 1])
    """

    def __init__(self, keys: Sequence[str] | Keys) -> None:
        self._keys = as_keys(keys)
        self._order = np.argsort(self._keys, kind="stable")

    def among(self, held: Keys) -> tuple[IntArray, IntArray]:
        """(rows of `held`, positions among what is asked for) of all pairs of one address."""
        start, stop = (np.searchsorted(self._keys, held, side, self._order) for side in ("left", "right"))
        counts = stop - start
        rows = np.repeat(np.arange(len(held)), counts)
        places = np.repeat(start - (np.cumsum(counts) - counts), counts) + np.arange(len(rows))
        return rows, self._order[places]

    @property
    def first(self) -> IntArray:
        """The first position of each address, ascending."""
        found: IntArray = np.sort(np.unique(self._keys, return_index=True)[1])
        return found
