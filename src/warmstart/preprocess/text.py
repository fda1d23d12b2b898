"""What a backbone expects of a text: its tokenizer, and how many tokens it reads."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from warmstart.errors import BackboneError, MissingExtraError

TOKENIZER = "tokenizer.json"
"""The file that holds a tokenizer, in the form of Hugging Face's `tokenizers`: plain JSON, which executes nothing."""

Tokens = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True)
class TextSpec:
    """How a text becomes the tokens a backbone was trained on.

    `size` counts the tokens that are read of a text, with those that the tokenizer adds at its ends; what is longer is
    cut off behind. `tokenizer` is the content of a `tokenizer.json`. `limit` is how many tokens the network has
    positions for. `writes` is how a text is continued where the network writes one, and `end` the number of the token
    that ends what is written: see `warmstart.preprocess.writing`.
    """

    size: int = 256
    tokenizer: str = dataclasses.field(default="", repr=False)
    limit: int = 512
    kind: Literal["text"] = "text"
    writes: Literal["", "causal", "seq2seq"] = ""
    end: int = -1

    banded = False
    """As `PreprocessSpec` has it."""

    def with_size(self, size: int) -> TextSpec:
        """The same spec with another number of tokens."""
        return dataclasses.replace(self, size=size)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form, with the hash of the tokenizer in its place."""
        digest = hashlib.sha256(self.tokenizer.encode()).hexdigest()
        written = {"writes": self.writes, "end": self.end} if self.writes else {}
        return {"kind": self.kind, "size": self.size, "limit": self.limit, **written, "tokenizer_sha256": digest}

    @classmethod
    def from_dict(cls, data: dict[str, Any], tokenizer: str) -> TextSpec:
        """Inverse of `to_dict`. Raises `ValueError` if the tokenizer is another one, or a fact is not known."""
        spec = cls(**{key: value for key, value in data.items() if key != "tokenizer_sha256"}, tokenizer=tokenizer)
        if spec.to_dict() != data:
            raise ValueError("the tokenizer is not the one that belongs to it")
        return spec

    def encode(self, texts: Sequence[tuple[str, ...]]) -> list[Encoded]:
        """Tokens of texts or pairs, as this spec reads them; every text has at least one token."""
        return [Encoded.of(one) for one in self._encode([text[0] if len(text) == 1 else text for text in texts])]

    def encode_words(self, texts: Sequence[Sequence[str]]) -> list[Encoded]:
        """Tokens of texts that are made of words with a space between two of them, and where each word begins."""
        found = self._encode([" ".join(words) for words in texts])
        return [Encoded.of(one, words) for one, words in zip(found, texts, strict=True)]

    def _encode(self, texts: Sequence[Any]) -> Sequence[Any]:
        found: Sequence[Any] = _tokenizer(self.tokenizer, self.size).encode_batch(texts)
        return found

    def opened(self, size: int) -> Any:
        """The tokenizer itself, cutting texts off at `size` tokens."""
        return _tokenizer(self.tokenizer, size)


@dataclasses.dataclass(frozen=True, slots=True)
class Encoded:
    """The tokens of one text (length, 2): their numbers, and which text of a pair they are of."""

    tokens: Tokens
    cut: bool  # whether there was more than is read
    starts: Tokens = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    """The first token of each word (words,), where words were given; -1 of a word that no token is of."""
    written: tuple[int, ...] = ()  # the tokens that are to be written

    @classmethod
    def of(cls, encoding: Any, words: Sequence[str] = ()) -> Encoded:
        """From what the tokenizer gives."""
        ids, types = encoding.ids or [0], encoding.type_ids or [0]
        tokens = np.array([ids, types], dtype=np.int32).T.copy()
        return cls(tokens, bool(encoding.overflowing), first_tokens(words, encoding.offsets))


def first_tokens(words: Sequence[str], offsets: Sequence[tuple[int, int]]) -> Tokens:
    """The first token of each word (words,), -1 where there is none: it was cut off, or the tokenizer drops it.

    A token is of the first word that it has a character of. So one that is but the space before a word, as tokenizers
    of bytes and of pieces make them, is of none, and so is one that the tokenizer adds.

    Args:
        words: of a text that they make with a space between two of them.
        offsets: the characters of each token, [first, behind the last).

    >>> first_tokens(["play", "ing", "x"], [(0, 0), (0, 2), (2, 4), (4, 8), (0, 0)]).tolist()
    [1, 3, -1]
    """
    ends = np.cumsum([len(word) + 1 for word in words], dtype=np.int64) - 1
    begins = ends - np.array([len(word) for word in words], dtype=np.int64)
    found = np.full(len(words), -1, dtype=np.int32)
    if not words or not offsets:
        return found
    start, stop = np.array(offsets, dtype=np.int64).T
    word = np.searchsorted(ends, start, side="right").clip(max=len(words) - 1)
    of_it = np.flatnonzero(np.maximum(start, begins[word]) < np.minimum(stop, ends[word]))[::-1]
    found[word[of_it]] = of_it  # backwards: the first token of a word is written last
    return found


@functools.lru_cache(maxsize=4)
def _tokenizer(content: str, size: int) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError("reading texts", "text") from error
    try:
        tokenizer = Tokenizer.from_str(content)
    except Exception as error:  # the library raises `Exception` itself
        raise BackboneError(f"the tokenizer cannot be read: {error}", expected=f"a {TOKENIZER}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(size)
    return tokenizer
