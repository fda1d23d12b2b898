"""Words of a text, for labels that belong to them one by one, and the tokens that stand for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from warmstart.data.schema import Text
from warmstart.data.targets import UNKNOWN

_WORD = re.compile(r"\w+(?:[-.'’]\w+)*|[^\w\s]")
"""Letters and digits, also with a hyphen, a point or an apostrophe inside; or one other character."""

Span = tuple[int, int]
"""The first character, and the one behind the last."""
Starts = Sequence[int] | npt.NDArray[np.int32]
"""The first token of each word of a text, -1 of one that is not read."""


def spans(text: Text) -> list[Span]:
    """Where the words of a text are in its first part; of one without words, where words and punctuation are in it.

    >>> spans(Text.of_words(["New", "York"])), spans(Text(("Mr. O'Neil!",)))
    ([(0, 3), (4, 8)], [(0, 2), (2, 3), (4, 10), (10, 11)])
    """
    if not text.words:
        return [found.span() for found in _WORD.finditer(text.parts[0])]
    ends = np.cumsum([len(word) + 1 for word in text.words]) - 1
    return [(int(end) - len(word), int(end)) for word, end in zip(text.words, ends, strict=True)]


def words_of(text: Text) -> tuple[str, ...]:
    """The words of a text, as they were given or as `spans` has them.

    >>> words_of(Text(("It rains.",)))
    ('It', 'rains', '.')
    """
    return text.words or tuple(text.parts[0][start:stop] for start, stop in spans(text))


def at_tokens(labels: Tensor, starts: Sequence[Starts], length: int) -> Tensor:
    """Labels of words (n, words) as labels of tokens (n, length), int64: each at the first token of its word.

    -1 everywhere else: at further tokens, at those that the tokenizer adds, and behind the end.

    >>> at_tokens(torch.tensor([[7, 8, -1]]), [[1, 3]], 5).tolist()
    [[-1, 7, -1, 8, -1]]
    """
    found = torch.full((len(starts), length), UNKNOWN)
    for row, own, places in zip(found, labels, starts, strict=True):
        at = torch.as_tensor(np.asarray(places, dtype=np.int64))[: len(own)]
        read = at >= 0
        row[at[read]] = own[: len(at)][read]
    return found


def at_words(outputs: Tensor, starts: Sequence[Starts]) -> Tensor:
    """Outputs of tokens (n, length, k) as outputs of words (n, most words, k); NaN where there is no word, or no token
    of it was read.

    >>> at_words(torch.tensor([[[1.0], [2.0], [3.0]]]), [[1, 2, -1]]).flatten().tolist()
    [2.0, 3.0, nan]
    """
    most = max((len(own) for own in starts), default=0)
    found = outputs.new_full((len(outputs), most, outputs.shape[-1]), torch.nan)
    for row, own, places in zip(found, outputs, starts, strict=True):
        at = torch.as_tensor(np.asarray(places, dtype=np.int64))
        there = torch.nonzero((at >= 0) & (at < len(own))).flatten()
        row[there] = own[at[there]]
    return found
