"""Entities in tags: what `B-PER I-PER O` says, as the evaluation of CoNLL reads it.

An entity is right where its type, its first and its last word are. Sequences that a scheme does not allow are read as
`conlleval` does (Tjong Kim Sang & Buchholz 2000), and `seqeval` by default: an I-PER that follows no PER begins one.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from warmstart.data.targets import IntArray

OUTSIDE = "O"
UNTYPED = "entity"
"""What an entity is called where tags are only B and I."""
_O, _B, _I, _E, _S = range(5)
_PREFIXES = {"B": _B, "I": _I, "E": _E, "S": _S, "L": _E, "U": _S, "M": _I}  # also as BILOU and BMES have them
_TAG = re.compile(f"([{''.join(_PREFIXES)}])(?:-(.+))?")


@dataclasses.dataclass(frozen=True)
class Spans:
    """Entities in a row of words: the first word of each, the one behind its last, and its type; each (k,)."""

    start: IntArray
    stop: IntArray
    kind: IntArray

    def found_in(self, other: Spans) -> npt.NDArray[np.bool_]:
        """Which of them are in another row of entities as well (k,)."""
        if not len(other.start):
            return np.zeros(len(self.start), dtype=bool)
        at = np.searchsorted(other.start, self.start).clip(max=len(other.start) - 1)
        same = other.start[at] == self.start  # no two begin at the same word
        found: npt.NDArray[np.bool_] = same & (other.stop[at] == self.stop) & (other.kind[at] == self.kind)
        return found


@dataclasses.dataclass(frozen=True)
class Scheme:
    """How the tags of a target say where entities are."""

    types: tuple[str, ...]
    prefix: IntArray  # of each tag
    kind: IntArray  # of each tag, an index into `types`; -1 outside

    @classmethod
    def of(cls, tags: Sequence[str]) -> Scheme | None:
        """The scheme of tags: BIO, BIOES, BILOU, with types or without; types alone, where there is an O as well;
        `None` where tags say nothing of entities, such as parts of speech.

        >>> Scheme.of(["O", "B-PER", "I-PER"]).types, Scheme.of(["O", "PER", "LOC"]).types, Scheme.of(["NOUN", "VERB"])
        (('PER',), ('LOC', 'PER'), None)
        """
        inside = [tag for tag in tags if tag != OUTSIDE]
        found = [_TAG.fullmatch(tag) for tag in inside]
        parts = {tag: (_PREFIXES[m[1]], m[2] or UNTYPED) for tag, m in zip(inside, found, strict=True) if m}
        if len(parts) < len(inside):
            if OUTSIDE not in tags:
                return None
            parts = {tag: (_I, tag) for tag in inside}
        types = tuple(sorted({kind for _, kind in parts.values()}))
        index = {kind: i for i, kind in enumerate(types)}
        read = [(_O, -1) if tag == OUTSIDE else (parts[tag][0], index[parts[tag][1]]) for tag in tags]
        prefix, kind = np.array(read, dtype=np.int64).reshape(-1, 2).T
        return cls(types, prefix, kind)

    def broken(self, tags: IntArray, sentence: IntArray) -> npt.NDArray[np.bool_]:
        """Words (n,) whose tag goes on with an entity that is none, or begins one that is not ended; as `spans`.

        Where no tag begins an entity, or none ends it, nothing has to.

        >>> scheme = Scheme.of(["O", "B-X", "I-X"])
        >>> scheme.broken(np.array([1, 2, 0, 2]), np.array([0, 0, 0, 0])).tolist()
        [False, False, False, True]
        """
        prefix, kind = self.prefix[tags], self.kind[tags]
        first = np.diff(sentence, prepend=-1) != 0
        before = np.where(first, _O, np.roll(prefix, 1))
        follows = np.isin(prefix, (_I, _E)) & np.isin(before, (_B, _I)) & (kind == np.roll(kind, 1))
        found: npt.NDArray[np.bool_] = np.isin(prefix, (_I, _E)) & ~follows & bool((self.prefix == _B).any())
        if np.isin(self.prefix, (_E, _S)).any():
            found = found | (np.isin(prefix, (_B, _I)) & ~np.append(follows[1:], False))
        return found

    def spans(self, tags: IntArray, sentence: IntArray) -> Spans:
        """Entities in the tags (n,) of the words of several sentences, one behind the other; `sentence` (n,) is which
        one a word is of.

        >>> found = Scheme.of(["O", "B-X", "I-X"]).spans(np.array([1, 2, 0, 2, 2]), np.array([0, 0, 0, 0, 1]))
        >>> found.start.tolist(), found.stop.tolist()
        ([0, 3, 4], [2, 4, 5])
        """
        prefix, kind = self.prefix[tags], self.kind[tags]
        first = np.diff(sentence, prepend=-1) != 0
        before = np.where(first, _O, np.roll(prefix, 1))
        ended = np.isin(before, (_O, _E, _S)) | (np.roll(kind, 1) != kind)
        begins = (prefix != _O) & (np.isin(prefix, (_B, _S)) | ended)
        start = np.flatnonzero(begins)
        breaks = np.append(np.flatnonzero(begins | (prefix == _O) | first), len(tags))
        stop = breaks[np.searchsorted(breaks, start, side="right")] if len(start) else start
        return Spans(start, stop, kind[start])
