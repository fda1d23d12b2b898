"""Which columns hold the input and the text to be written: as the user says, else by the names of the two."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from warmstart.data.sources.columns import LABELS, find_columns, known_as
from warmstart.data.sources.textcolumns import find_texts

WRITTEN = (
    ("input", "target"), ("input", "output"), ("source", "target"), ("prompt", "completion"), ("prompt", "response"),
    ("question", "answer"), ("instruction", "output"), ("instruction", "response"), ("document", "summary"),
    ("article", "highlights"), ("article", "summary"), ("dialogue", "summary"), ("text", "summary"),
    ("input_text", "target_text"), ("src", "tgt"), ("text", "target"), ("context", "response"),
)  # fmt: skip
_TARGETS = tuple(dict.fromkeys((*(target for _, target in WRITTEN), *LABELS)))


def find_written(
    header: Sequence[str],
    table: Sequence[Sequence[Any]],
    text: str | None,
    label: str | None,
    taken: Collection[str | None] = (),
) -> tuple[tuple[str, ...], str, str]:
    """The columns of the input, that of the text to be written, and in words what had to be guessed, if anything.

    Args:
        header: the columns.
        table: the rows.
        text: what the user names for the input, if anything.
        label: what the user names for the text to be written, if anything.
        taken: columns that are something else.

    Raises:
        DataError: one cannot be told; lists those there are.

    >>> find_written(["answer", "question"], [["Yes.", "Is it?"]], None, None)[:2]
    (('question',), 'answer')
    """
    free = [name for name in header if name not in taken]
    for pair in WRITTEN:
        first, second = (known_as(free, [name]) for name in pair)
        if None not in (first, second) and text in (None, first) and label in (None, second):
            return (str(first),), str(second), "" if text and label else f"{second} is to be written, given {first}"
    inputs, guessed = find_texts(header, table, text, [*taken, label])
    (target,) = find_columns(header, table, inputs, label=label, group=None, known=_TARGETS).labels[:1]
    return inputs, target, guessed
