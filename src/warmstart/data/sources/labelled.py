"""Which columns of a table of texts hold the texts and their labels, and whether that says what is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from warmstart.data.sources.columns import LABELS, known_as, label_names, named
from warmstart.data.sources.tags import TAGS, WORDS, find_tags, find_words, fitting
from warmstart.data.sources.textcolumns import find_texts
from warmstart.data.sources.written import find_written
from warmstart.data.targets import TaskName
from warmstart.errors import DataError


@dataclasses.dataclass(frozen=True)
class Labelled:
    """The columns of the texts; that of the labels as it is named or found, else the names by which it is looked for.

    `task` is what the user says, or what the columns leave no doubt of.
    """

    texts: tuple[str, ...]
    label: str | None
    task: TaskName | None
    known: Sequence[str] = LABELS
    guessed: str = ""
    """In words, what had to be guessed."""


def find_labelled(
    header: Sequence[str],
    table: Sequence[Sequence[Any]],
    task: TaskName | None,
    text: str | None,
    label: str | None,
    others: Sequence[str | None] = (),
) -> Labelled:
    """The columns to use.

    Args:
        header: the columns.
        table: the rows.
        task: as the user says, if so.
        text: likewise the column of the texts.
        label: likewise that of the labels.
        others: columns that are something else.

    Raises:
        DataError: the column of the texts, or of texts to be written, cannot be told.

    >>> find_labelled(["tokens", "ner_tags"], [[["It", "rains"], ["O", "O"]]], None, None, None).task
    'tag'
    """
    if task in (None, "tag") and (found := _words_and_tags(header, table, task, text, label, others)) is not None:
        return found
    if task == "generate":
        texts, target, guessed = find_written(header, table, text, label, others)
        return Labelled(texts, target, task, guessed=guessed)
    texts, guessed = find_texts(header, table, text, [*_names(header, label), *others])
    return Labelled(texts, label, task, label_names(task), guessed)


def _words_and_tags(
    header: Sequence[str],
    table: Sequence[Sequence[Any]],
    task: TaskName | None,
    text: str | None,
    label: str | None,
    others: Sequence[str | None],
) -> Labelled | None:
    """Columns of words and of tags; `None` if there are none and the task does not say so."""
    if text is not None and len(named(header, text, "text")) > 1:
        return None
    words = text or find_words(header, table, [label, *others])
    if task is None:
        if words is None or not (tags := label or find_tags(header, table, words, others)) or tags not in header:
            return None
        at, of = header.index(words), header.index(tags)
        return Labelled((words,), tags, "tag") if fitting([(row[at], row[of]) for row in table]) else None
    words = words or known_as([name for name in header if name not in (label, *others)], (*WORDS, "sentence", "text"))
    if words is None:
        raise DataError(
            f"no column of the table is known to hold the words; its columns are {', '.join(header)}",
            expected=f"a column called {', '.join(WORDS[:3])} or the like",
            do="say which it is with text_column (--text-column)",
        )
    return Labelled((words,), label or find_tags(header, table, words, others), task, TAGS)


def _names(header: Sequence[str], label: str | None) -> tuple[str, ...]:
    return () if label is None else named(header, label, "label")
