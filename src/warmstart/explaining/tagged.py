"""What is explained of tagged words: how probable the tag of one word is, in which all words have a part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import Text
from warmstart.data.targets import Target
from warmstart.data.words import words_of
from warmstart.errors import DataError, nearest
from warmstart.explaining.asked import Pick
from warmstart.preprocess.text import TextSpec

OUTSIDE = "O"
"""The tag of a word that is of no entity."""


def tag_pick(target: Target, text: Text, spec: TextSpec, outputs: Tensor, label: str | None) -> Pick:
    """The tag of one word, of outputs (1, tokens, tags) for the tokens of the text.

    Args:
        target: of the tags.
        text: as its words make it (`warmstart.shipping.words.in_words`).
        spec: how it was read.
        outputs: of its tokens.
        label: `WORD`, or its number from 1, which comes first where words are numbers; `WORD: TAG` for another tag than
            it has. By default the word whose tag is the surest, of those of an entity if there is any.

    Raises `DataError` for a word or a tag that is not there, and where no word was read.
    """
    words = words_of(text)
    starts = spec.encode_words([words])[0].starts
    read = [i for i, at in enumerate(starts) if 0 <= at < outputs.shape[1]]
    if not read:
        raise DataError("no word of the text was read", expected="a text of words that the tokenizer knows")
    shares = outputs[0, torch.from_numpy(np.asarray(starts)[read].astype(np.int64))].double().softmax(-1)
    best = shares.max(-1)
    if label is None:
        names = [target.classes[int(k)] for k in best.indices]
        some = [k for k, name in enumerate(names) if name != OUTSIDE] or list(range(len(read)))
        row = max(some, key=lambda k: float(best.values[k]))
        word, tag = read[row], int(best.indices[row])
    else:
        word, named = _asked(label, words, read, target.classes)
        tag = int(best.indices[read.index(word)]) if named is None else named
    at, others = int(starts[word]), [k for k in range(len(target.classes)) if k != tag]

    def score(found: Tensor) -> Tensor:
        return found[:, at, tag] - found[:, at, others].logsumexp(1) if others else found[:, at, tag]

    def told(found: Tensor) -> Tensor:
        return found[:, at].double().softmax(1)[:, tag]

    return Pick(f"{words[word]}: {target.classes[tag]}", score, told, True)


def _asked(label: str, words: Sequence[str], read: Sequence[int], tags: Sequence[str]) -> tuple[int, int | None]:
    """The word that is meant, and the tag if one is named.

    >>> _asked("Lovelace: B-PER", ["Ada", "Lovelace"], [0, 1], ["O", "B-PER"]), _asked("1", ["Ada"], [0], ["O"])
    ((1, 1), (0, None))
    """
    name, _, tag = label.rpartition(": ") if ": " in label else (label, "", "")
    numbered = name.isdecimal() and int(name) - 1 in read
    found = int(name) - 1 if numbered else next((i for i in read if words[i] == name), None)
    if found is None:
        raise DataError(
            f"there is no word {name!r} that was read",
            expected=f"a word of the text, or its number from 1 to {len(words)}; behind it `: TAG` for another tag",
            do=f"the nearest: {nearest(name, words)}",
        )
    if tag and tag not in tags:
        raise DataError(
            f"there is no tag {tag!r}",
            expected=f"one of {', '.join(tags[:8])}",
            do=f"the nearest: {nearest(tag, tags)}",
        )
    return found, tags.index(tag) if tag else None
