"""Texts with what is to be written for them, as tokens.

A network that reads a text and writes another (`seq2seq`) is given the text, and writes the tokens of the other, as its
tokenizer makes them, with the token that ends a text behind them. One that only goes on (`causal`) is given

    input, end, target        and writes        target, end

for the token that ends a text is the one mark that every such model knows and that stands inside no text. What is
written is predicted at the last places of what is given (`warmstart.model.text.language`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from warmstart.preprocess.text import Encoded, TextSpec

LEAST = 8
"""Tokens of the input that are kept where the target is too long to leave more."""


def encode_written(spec: TextSpec, texts: Sequence[tuple[str, ...]], targets: Sequence[str | None]) -> list[Encoded]:
    """Tokens of texts or pairs with their targets; a target that is not known is left open: nothing is written yet.

    What is too long loses the end of the input. A target is cut only where it alone fills what the network reads (of a
    `seq2seq` one: what it has positions for), and then has no end.
    """
    reader, writer = spec.opened(spec.size), spec.opened(spec.limit)
    read = reader.encode_batch([text[0] if len(text) == 1 else text for text in texts])
    known = [target for target in targets if target is not None]
    own = spec.writes == "seq2seq"  # with the tokens that the tokenizer puts around a text
    made = iter(writer.encode_batch(known, add_special_tokens=own) if known else ())
    written = [None if target is None else next(made) for target in targets]
    join: Callable[[TextSpec, Any, Any], Encoded] = _beside if own else _behind
    return [join(spec, *pair) for pair in zip(read, written, strict=True)]


def decoded(spec: TextSpec, tokens: Sequence[Sequence[int]]) -> list[str]:
    """The texts that written tokens stand for, each up to its end."""
    kept = [[*_until(row, spec.end)] for row in tokens]
    found: list[str] = spec.opened(spec.limit).decode_batch(kept, skip_special_tokens=True)
    return [text.strip() for text in found]


def _beside(spec: TextSpec, read: Any, written: Any | None) -> Encoded:
    """What a decoder writes lies beside what an encoder reads."""
    cut, target = bool(read.overflowing), list[int]()
    if written is not None:
        cut |= bool(written.overflowing)
        target = list(written.ids)
        target += [] if written.overflowing or target[-1:] == [spec.end] else [spec.end]
    return dataclasses.replace(Encoded.of(read), cut=cut, written=tuple(target[: spec.limit]))


def _behind(spec: TextSpec, read: Any, written: Any | None) -> Encoded:
    """What is written goes on where the input ends; its last token is predicted and never read."""
    ids = list(read.ids)
    ids = ids[:-1] if ids[-1:] == [spec.end] else ids
    room = spec.size - 1  # beside the mark between the two
    target = [] if written is None else [*written.ids, spec.end]
    most = max(room - min(len(ids), LEAST), 0) + 1
    given = target[:most]
    left = room - max(len(given) - 1, 0)
    cut = bool(read.overflowing) or len(ids) > left or len(given) < len(target)
    tokens = [*ids[:left], spec.end, *given[:-1]]
    types = [kind for kind, _ in zip_longest(read.type_ids[: len(ids[:left])], tokens, fillvalue=0)]
    return Encoded(np.array([tokens, types], dtype=np.int32).T.copy(), cut, written=tuple(given))


def _until(row: Sequence[int], end: int) -> Sequence[int]:
    return row[: list(row).index(end)] if end in row else row
