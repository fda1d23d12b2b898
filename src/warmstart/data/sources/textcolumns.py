"""Which columns of a table hold the texts: as the user says, else by the names that people give them, else by looks."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from warmstart.data.names import IMAGES, clean, some
from warmstart.data.names import TEXTS as TEXT_FILES
from warmstart.data.schema import Text
from warmstart.data.sources.columns import LABELS, PATHS, SPLITS, known_as, named
from warmstart.data.sources.labels import as_cell, is_nested, refuse_nested
from warmstart.errors import DataError

PAIRS = (
    ("sentence1", "sentence2"), ("sentence_1", "sentence_2"), ("sentence_a", "sentence_b"),
    ("premise", "hypothesis"), ("text_a", "text_b"), ("text1", "text2"), ("text_1", "text_2"), ("text", "text_pair"),
    ("question1", "question2"), ("question", "answer"), ("question", "passage"), ("question", "sentence"),
    ("question", "context"), ("query", "passage"), ("claim", "evidence"),
)  # fmt: skip
TEXTS = (
    "text", "sentence", "review", "content", "body", "message", "document", "tweet", "comment", "article", "post",
    "review_text", "review_body", "reviewtext", "comment_text", "tweet_text", "message_text", "full_text", "news",
    "clean_text", "cleaned_text", "sms", "email", "texts", "sentences", "description", "utterance", "statement",
    "passage", "paragraph", "abstract", "transcript", "feedback", "complaint", "question", "query", "prompt", "input",
    "snippet", "headline", "summary", "title", "caption", "subject", "phrase",
)  # fmt: skip
_LOOKED_AT = 1000
"""Rows."""
_LONG = 16
"""Characters, on average; a Han or Kana character counts for three, as it is about a third of a word."""
_DIFFERENT = 0.5
"""Share of the cells."""
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_OTHER = re.compile(r"[a-z]+://\S+|[\d\s.,:;/+TZ-]+|\S*[/\\]\S+", re.IGNORECASE)
"""Addresses, paths, numbers and dates."""
_FILE = re.compile(r"[^\s:]*[/\\][^\s:]+\.\w{2,5}")


def find_texts(
    header: Sequence[str], table: Sequence[Sequence[Any]], text: str | None, taken: Collection[str | None]
) -> tuple[tuple[str, ...], str]:
    """The column of the texts, or the two of the pairs; and in words what had to be guessed, if anything.

    Args:
        header: the columns.
        table: the rows.
        text: what the user names: a column, or two with a comma between them.
        taken: columns that are something else.

    Raises:
        DataError: there is no such column, or it cannot be told; lists those there are.

    >>> find_texts(["premise", "hypothesis", "label"], [["It rains.", "It is wet.", "yes"]], None, [])[0]
    ('premise', 'hypothesis')
    """
    if text is not None:
        return _named(header, table, text), ""
    if not (found := guess_texts(header, table, taken)):
        raise DataError(
            f"no column of the table is known to hold the texts; its columns are {some(list(header), 20)}",
            expected=f"a column called {', '.join(TEXTS[:4])} or the like, or just one with long and different texts",
            do="say which it is with text_column (--text-column), for pairs two with a comma between them; "
            "if the first row is none of names, put one above it",
        )
    others = [n for n in header if known_as([n], TEXTS) and n not in (*found, *taken) and _is_text(header, table, n)]
    beside = f"; {some(others)} is left out" if others else ""
    by_name = len(found) == 1 and known_as(found, TEXTS) and not beside
    return found, "" if by_name else f"the text is read from {' and '.join(map(clean, found))}{clean(beside)}"


def guess_texts(
    header: Sequence[str], table: Sequence[Sequence[Any]], taken: Collection[str | None] = ()
) -> tuple[str, ...]:
    """The column of the texts, or the two of pairs, by name and by what they hold; empty if it cannot be told."""
    free = [name for name in header if name and name not in taken]
    for pair in PAIRS:
        names = tuple(name for part in pair if (name := known_as(free, [part])) is not None)
        if len(names) == 2 and all(_is_text(header, table, name) for name in names):
            return names
    for known in TEXTS:
        name = known_as(free, [known])
        if name is not None and _is_text(header, table, name):
            return (name,)
    label = known_as(free, LABELS)
    long = [n for n in free if n != label and n.lower() not in SPLITS and _is_long(_values(header, table, n))]
    return tuple(long) if len(long) == 1 else ()


def holds_images(header: Sequence[str], table: Sequence[Sequence[Any]]) -> bool:
    """Whether a column holds paths that may be of images, by what they end in or what the column is called."""
    columns = [_values(header, table, name) for name in header if name]
    if any(values and sum(map(_names_image, values)) > len(values) / 2 for values in columns):
        return True
    if (path := known_as(header, PATHS)) is None:
        return False
    values = _values(header, table, path)
    if path.lower().startswith(("image", "img")):
        return not _is_long(values)
    return bool(values) and not any(Path(value).suffix or " " in value for value in values)


def _names_image(value: str) -> bool:
    """A file in a folder may be an image of a kind that is not known; of texts, tables tell pages on the web."""
    return IMAGES.names(value) or (_FILE.fullmatch(value) is not None and not TEXT_FILES.names(value))


def texts_in(
    header: Sequence[str], table: Sequence[Sequence[Any]], columns: Sequence[str], first: int = 1
) -> list[Text]:
    """The text of each row, of which `first` is the number of the first; a cell without any is an empty one.

    Raises:
        DataError: names the row and the column of a cell that is a list or an object.
    """
    places = [(header.index(name), name) for name in columns]
    return [
        Text(tuple(_cell(row[at], number, name) for at, name in places))
        for number, row in enumerate(table, start=first)
    ]


def well_formed(text: str) -> str:
    r"""The same text; halves of characters, which no encoding has, are joined or replaced.

    >>> well_formed("a\ud83d")
    'a�'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _named(header: Sequence[str], table: Sequence[Sequence[Any]], text: str) -> tuple[str, ...]:
    if len(found := named(header, text, "text")) > 2:
        raise DataError(f"text_column names {', '.join(found)}", expected="one column, or two for pairs")
    for name in found:
        if (values := _values(header, table, name)) and all(map(IMAGES.names, values)):
            raise DataError(
                f"the column {name!r}, which is named for texts, holds the names of images ({clean(values[0])})",
                expected="a column of texts",
                do="name another one, or for the images themselves path_column (--path-column) in its place",
            )
    return found


def _cell(value: Any, number: int, column: str) -> str:
    refuse_nested(value, number, column)
    return well_formed(as_cell(value))


def _values(header: Sequence[str], table: Sequence[Sequence[Any]], name: str) -> list[str]:
    """The texts of a column that are not empty, of the first rows; none if a cell is something else."""
    at = header.index(name)
    cells = [row[at] for row in table[:_LOOKED_AT]]
    if any(isinstance(cell, (bool, bytes)) or is_nested(cell) for cell in cells):
        return []
    return [value for cell in cells if (value := as_cell(cell))]


def _is_text(header: Sequence[str], table: Sequence[Sequence[Any]], name: str) -> bool:
    """Whether most of what a column holds is no number, date, address or path."""
    values = _values(header, table, name)
    return bool(values) and sum(_OTHER.fullmatch(value) is None for value in values) > len(values) / 2


def _is_long(values: Sequence[str]) -> bool:
    """Whether texts are long, mostly different, most of them of several words, and no dates, addresses or paths."""
    if not values or sum(_OTHER.fullmatch(value) is None for value in values) <= len(values) / 2:
        return False
    several = [value for value in values if len(value.split()) > 1 or _DENSE.search(value)]
    length = sum(len(value) + 2 * len(_DENSE.findall(value)) for value in values) / len(values)
    return 2 * len(several) > len(values) and length >= _LONG and len(set(values)) >= _DIFFERENT * len(values)
