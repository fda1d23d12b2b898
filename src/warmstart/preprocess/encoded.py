"""Tokens of many texts in a few arrays: two or four bytes for each token and a few for each text, and no objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from warmstart.preprocess.text import Encoded, Tokens

Numbers = npt.NDArray[Any]
"""Whole numbers (n,) in the smallest type that holds them all. Where all are zero they take no memory: the stride is
zero, too."""


@dataclasses.dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of whole numbers, each of its own length, one behind the other.

    >>> rows = Ragged.of([[5, 6], [], [7]])
    >>> len(rows), rows[0].tolist(), rows.at(np.array([2, 0])).values.tolist()
    (3, [5, 6], [7, 5, 6])
    """

    values: Numbers
    bounds: Numbers  # (rows + 1,), where each begins and the last one ends

    @classmethod
    def of(cls, rows: Sequence[Sequence[int] | Numbers]) -> Ragged:
        """From rows in memory."""
        values = np.concatenate([np.zeros(0, np.int64), *(np.asarray(row, dtype=np.int64) for row in rows)])
        return cls._of(values, np.array([len(row) for row in rows], dtype=np.int64))

    @classmethod
    def joined(cls, parts: Sequence[Ragged]) -> Ragged:
        """The rows of one after those of the other."""
        lengths = np.concatenate([np.zeros(0, np.int64), *(part.lengths for part in parts)])
        return cls._of(_joined([part.values for part in parts]), lengths)

    @classmethod
    def _of(cls, values: Numbers, lengths: npt.NDArray[np.int64]) -> Ragged:
        return cls(smallest(values), smallest(np.concatenate([[0], np.cumsum(lengths)])))

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __getitem__(self, i: int) -> Numbers:
        return self.values[self.bounds[i] : self.bounds[i + 1]]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Of every row (n,)."""
        bounds = self.bounds.astype(np.int64)
        found: npt.NDArray[np.int64] = bounds[1:] - bounds[:-1]
        return found

    def places(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where the values of the rows at `indices` are, row by row."""
        lengths = self.lengths[indices]
        first = self.bounds[indices].astype(np.int64) - (np.cumsum(lengths) - lengths)
        found: npt.NDArray[np.int64] = np.repeat(first, lengths) + np.arange(int(lengths.sum()))
        return found

    def at(self, indices: npt.NDArray[np.int64]) -> Ragged:
        """The rows at `indices`, in that order."""
        return self._of(self.values[self.places(indices)], self.lengths[indices])


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedTexts(Sequence[Encoded]):
    """The tokens of texts, as a sequence that makes the `Encoded` of one when it is asked for.

    >>> texts = EncodedTexts.of([Encoded(np.array([[5, 0], [6, 1]], np.int32), True)])
    >>> texts[0].tokens.tolist(), texts.padded([0]).shape, texts.cut.tolist()
    ([[5, 0], [6, 1]], (1, 2, 2), [True])
    """

    ids: Ragged
    types: Numbers  # of all tokens: which text of a pair each is of
    cut: npt.NDArray[np.bool_]  # (n,), whether there was more than is read
    starts: Ragged  # the first token of each word, where words were given
    written: Ragged  # the tokens that are to be written

    @classmethod
    def of(cls, encoded: Sequence[Encoded]) -> EncodedTexts:
        """From the tokens of each."""
        return cls(
            Ragged.of([one.tokens[:, 0] for one in encoded]),
            Ragged.of([one.tokens[:, 1] for one in encoded]).values,
            np.array([one.cut for one in encoded], dtype=bool),
            Ragged.of([one.starts for one in encoded]),
            Ragged.of([one.written for one in encoded]),
        )

    @classmethod
    def joined(cls, parts: Iterable[EncodedTexts]) -> EncodedTexts:
        """The texts of one after those of the other."""
        parts = list(parts)
        return cls(
            Ragged.joined([part.ids for part in parts]),
            smallest(_joined([part.types for part in parts])),
            np.concatenate([np.zeros(0, bool), *(part.cut for part in parts)]),
            Ragged.joined([part.starts for part in parts]),
            Ragged.joined([part.written for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.cut)

    @overload
    def __getitem__(self, i: int, /) -> Encoded: ...
    @overload
    def __getitem__(self, i: slice, /) -> EncodedTexts: ...
    def __getitem__(self, i: int | slice, /) -> Encoded | EncodedTexts:
        if isinstance(i, slice):
            return self.at(np.arange(len(self))[i])
        i = range(len(self))[i]  # raises IndexError behind the last
        starts, written = self.starts[i].astype(np.int32), tuple(self.written[i].tolist())
        return Encoded(self.tokens(i), bool(self.cut[i]), starts, written)

    def tokens(self, i: int) -> Tokens:
        """Of a text (length, 2): their numbers, and which text of a pair they are of."""
        part = slice(self.ids.bounds[i], self.ids.bounds[i + 1])
        return np.stack([self.ids.values[part], self.types[part]], axis=1, dtype=np.int32, casting="unsafe")

    def padded(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Tokens (n, longest of these, 2) of the texts at `indices`, -1 behind the end of each."""
        bounds = [(int(self.ids.bounds[i]), int(self.ids.bounds[i + 1])) for i in indices]
        found = np.full((len(bounds), max((stop - start for start, stop in bounds), default=0), 2), -1, np.int64)
        for row, (start, stop) in zip(found, bounds, strict=True):
            row[: stop - start, 0] = self.ids.values[start:stop]
            row[: stop - start, 1] = self.types[start:stop]
        return found

    def at(self, indices: npt.NDArray[np.int64]) -> EncodedTexts:
        """The texts at `indices`, in that order."""
        types = smallest(self.types[self.ids.places(indices)])
        return EncodedTexts(
            self.ids.at(indices), types, self.cut[indices], self.starts.at(indices), self.written.at(indices)
        )


def smallest(numbers: Numbers) -> Numbers:
    """The same whole numbers in the smallest type that holds them all.

    >>> smallest(np.array([3, 40_000])).dtype, smallest(np.zeros(1000, int)).strides
    (dtype('uint16'), (0,))
    """
    if not numbers.any():
        return np.broadcast_to(np.zeros(1, np.uint8)[0], numbers.shape)
    least, most = int(numbers.min()), int(numbers.max())
    return numbers.astype(np.result_type(np.min_scalar_type(least), np.min_scalar_type(most)), copy=False)


def _joined(parts: Sequence[Numbers]) -> Numbers:
    return np.concatenate([np.zeros(0, np.uint8), *parts])
