"""Words with a tag for each: which columns hold them, whether they fit, and one way to write where an entity begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from warmstart.data.names import clean, natural, some
from warmstart.data.schema import Text
from warmstart.data.sources.columns import known_as
from warmstart.data.sources.labels import as_text, is_nested, is_null
from warmstart.data.sources.labelsets import as_list
from warmstart.data.sources.textcolumns import well_formed
from warmstart.errors import DataError

WORDS = ("tokens", "words", "token", "word")
TAGS = (
    "ner_tags", "tags", "ner", "ner_labels", "entities", "labels", "label", "tag", "iob", "bio", "pos_tags", "pos",
    "upos", "chunk_tags",
)  # fmt: skip
_PREFIXED = re.compile(r"([BI])-(.+)")
_FEW = 20
"""Rows; of more, some hold more than one word."""
_FIRST = 100
"""Rows that are looked at to tell what a table holds."""


Words = tuple[str, ...]


def find_words(
    header: Sequence[str],
    table: Sequence[Sequence[Any]],
    taken: Sequence[str | None] = (),
    only: str | None = None,
) -> str | None:
    """The column of lists of words, by its name and what it holds, or `only` this one; `None` if there is none.

    >>> find_words(["id", "tokens"], [[1, ["It", "rains"]]])
    'tokens'
    """
    free = [name for name in header if name and name not in taken]
    found = [known_as(free, [known]) for known in WORDS] if only is None else [name for name in header if name == only]
    names = [name for name in found if name is not None]
    return next((name for name in names if _are_lists([row[header.index(name)] for row in table[:_FIRST]])), None)


def find_tags(
    header: Sequence[str], table: Sequence[Sequence[Any]], words: str, taken: Sequence[str | None] = ()
) -> str | None:
    """The column with as many tags in each of its lists as the first rows have words; `None` if there is none."""
    at = header.index(words)
    for known in TAGS:
        name = known_as([n for n in header if n not in (words, *taken)], [known])
        if name is not None and fitting([(row[at], row[header.index(name)]) for row in table[:_FIRST]]):
            return name
    return None


def fitting(pairs: Sequence[tuple[Any, Any]]) -> bool:
    """Whether all are (list of words, list), and most of the lists as long as their words."""
    known = [(words, tags) for words, tags in pairs if not is_null(words) and not is_null(tags)]
    if not all(is_nested(one) and not isinstance(one, (dict, set)) for pair in known for one in pair):
        return False
    return 2 * sum(len(words) == len(tags) for words, tags in known) > len(known)


def are_tagged(inputs: Sequence[Any], labels: Any) -> bool:
    """Whether each of the inputs is a list of words, and its label a list with a tag for each.

    Two words may be a pair of texts: some list must be of another length.

    >>> are_tagged([["It", "rains", "."]], [["O", "O", "O"]]), are_tagged([("It rains.", "Wet?")], [["yes", "no"]])
    (True, False)
    """
    if (
        len(inputs) != len(labels)
        or getattr(labels, "ndim", 1) != 1
        or hasattr(labels, "columns")
        or isinstance(labels, dict)
    ):
        return False
    texts = [list(text.words) if isinstance(text, Text) and text.words else text for text in inputs]
    return _are_lists(texts) and fitting(list(zip(texts, labels, strict=True))) and any(len(t) != 2 for t in texts)


def words_in(header: Sequence[str], table: Sequence[Sequence[Any]], column: str, notes: list[str]) -> list[Words]:
    """The words of each row. `notes` gets what is strange about them.

    Raises:
        DataError: names the row of a word that is none, or says that there is but one word in every row.
    """
    at = header.index(column)
    found = words_of([row[at] for row in table], notes, "row", 1)
    if len(found) > _FEW and all(len(words) == 1 for words in found):
        raise DataError(
            f"each of {len(found)} rows holds one word",
            expected="a list of words in each row, those of a sentence",
            do="put the words of a sentence together, or give a file with a word in each line, a blank line between "
            "two sentences, and the ending .conll",
        )
    return found


def words_of(texts: Sequence[Any], notes: list[str], place: str = "position", first: int = 0) -> list[Words]:
    """The words of each text; errors name its place, counted from `first`. `notes` and errors as for `words_in`."""
    found = [as_words(text, f"{place} {number}") for number, text in enumerate(texts, start=first)]
    if inside := [word for words in found for word in words if len(word.split()) > 1]:
        notes.append(f"{len(inside)} word(s) hold white space, and are taken as they are: {clean(some(inside, 3))}")
    return found


def as_words(cell: Any, place: str) -> Words:
    """The words of a text: of a list as they are, of a plain text between white space.

    Raises:
        DataError: names the place of a word that is none: empty, white space, a list.

    >>> as_words(["New York", "is"], "row 1"), as_words("It  rains", "row 1")
    (('New York', 'is'), ('It', 'rains'))
    """
    entries = list(cell.words or str(cell).split()) if isinstance(cell, Text) else as_list(cell)
    if entries is None:
        if not isinstance(cell, str) and not is_null(cell):
            raise DataError(f"{place}: words of type {type(cell).__name__}", expected="a list of words")
        entries = [] if is_null(cell) else cell.split()
    for number, word in enumerate(entries, start=1):
        if not isinstance(word, str) or not word.strip():
            raise DataError(
                f"{place}: word {number} is {clean(str(word))[:50]!r}",
                expected="words: texts with something in them other than white space",
                do="take it and its tag out",
            )
    return tuple(well_formed(word) for word in entries)


def as_tags(cell: Any, words: Sequence[str], place: str) -> tuple[str, ...] | None:
    """The tags of words; `None` for a gap.

    Raises:
        DataError: names the place where there are more or fewer tags than words, or a tag is missing.
    """
    if is_null(cell):
        return None
    entries = as_list(cell)
    if entries is None:
        entries = str(cell).split()
    tags = tuple("" if is_nested(entry) else as_text(entry) for entry in entries)
    if len(tags) != len(words):
        raise DataError(
            f"{place}: {len(words)} word(s) and {len(tags)} tag(s)",
            expected="a tag for each word",
            do=f"mend it; it begins with {clean(' '.join(words[:5]))!r}",
        )
    if "" in tags:
        number = tags.index("")
        raise DataError(
            f"{place}: word {number + 1}, {clean(words[number])!r}, has no tag",
            expected="a tag for each word; O for one that is part of nothing",
        )
    return tags


def in_bio(labels: Sequence[tuple[str, ...] | None], notes: list[str]) -> list[tuple[str, ...] | None]:
    """The same with every entity begun by B-, where the tags are O, B-... and I-...; others stay as they are.

    In IOB1 (Ramshaw & Marcus 1995) an entity begins with I-, and with B- only behind another of its type; a lone I- in
    other files is a mistake with the same meaning.

    >>> in_bio([("I-PER", "I-PER", "I-ORG", "O", "I-PER")], [])
    [('B-PER', 'I-PER', 'B-ORG', 'O', 'B-PER')]
    """
    if any(tag != "O" and not _PREFIXED.fullmatch(tag) for label in labels for tag in label or ()):
        return list(labels)
    found: list[tuple[str, ...] | None] = []
    changed = 0
    for label in labels:
        before, tags = "", []
        for tag in label or ():
            begins = tag.startswith("I-") and before != tag[2:]
            tags.append(f"B{tag[1:]}" if begins else tag)
            changed += begins
            before = "" if tag == "O" else tag[2:]
        found.append(None if label is None else tuple(tags))
    if changed:
        notes.append(
            f"{changed} tag(s) I-... with nothing of their type before them are read as B-...: the tags are IOB1, or "
            "malformed"
        )
    return found


def in_order(tags: Sequence[str]) -> tuple[str, ...]:
    """Each tag once: O first, then by type, of one type in the order of its prefixes.

    >>> in_order(["I-PER", "O", "B-PER", "B-LOC"])
    ('O', 'B-LOC', 'B-PER', 'I-PER')
    """

    def key(tag: str) -> tuple[object, ...]:
        prefix, _, kind = tag.partition("-")
        return (tag != "O", natural(kind or tag), prefix)

    return tuple(sorted(set(tags), key=key))


def _are_lists(cells: Sequence[Any]) -> bool:
    """Whether cells are lists of texts."""
    known = [cell for cell in cells if not is_null(cell)]
    return bool(known) and all(
        is_nested(cell) and not isinstance(cell, dict) and all(isinstance(word, str) for word in cell) for cell in known
    )
