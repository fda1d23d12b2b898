"""Files of words and tags as those of CoNLL: a word in each line with its tag, a blank line between two sentences.

The word is what stands first in its line, the tag what stands last (Tjong Kim Sang & De Meulder 2003); where every
sentence counts its words 1, 2, 3, ..., the word stands behind the number.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from warmstart.data.names import clean
from warmstart.data.sources.hub import Table
from warmstart.data.sources.textfile import read_noted
from warmstart.errors import DataError

CONLL = (".conll", ".conll2003", ".iob", ".iob2", ".bio", ".ner")
"""Endings of such files."""
DOCUMENT = "-DOCSTART-"
_EXPECTED = "in each line a word and behind it its tag; a blank line between two sentences"

Line = tuple[int, list[str]]
"""(number in the file, what stands in it)."""


def read_conll(path: Path, notes: list[str]) -> Table:
    """(header, rows) of a file: columns `tokens` and `tags`, a row of two lists for each sentence.

    Comments (lines that begin with #, and have other columns than the lines of words) and lines that begin a document
    are passed over.

    Raises:
        DataError: it cannot be read, or a line has more or fewer columns than the others; names the line.
    """
    sentences, width = _sentences(read_noted(path, notes))
    for number, cells in (line for sentence in sentences for line in sentence):
        if len(cells) != width or width < 2:
            one = "a word and no tag" if len(cells) == 1 else f"{len(cells)} columns, and most others have {width}"
            raise DataError(f"{path}: line {number} has {one}: {clean(' '.join(cells))[:50]!r}", expected=_EXPECTED)
    numbered = width > 2 and all(
        [cells[0] for _, cells in sentence] == [str(i) for i in range(1, len(sentence) + 1)] for sentence in sentences
    )
    if numbered:
        notes.append(f"{path.name}: the words are read from the second column, as the first numbers them")
    rows = [[[cells[numbered] for _, cells in s], [cells[-1] for _, cells in s]] for s in sentences]
    return ["tokens", "tags"], rows


def _sentences(text: str) -> tuple[list[list[Line]], int]:
    """The sentences, and how many columns most lines have. Columns are apart by tabs where most lines have any."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    filled = [line for line in lines if line.strip()]
    tabs = 2 * sum("\t" in line.strip() for line in filled) > len(filled)
    split = [[cell.strip() for cell in line.split("\t")] if tabs else line.split() for line in lines]
    rows = [(cells if any(cells) else []) for cells in split]
    plain = [cells for cells in rows if cells and not cells[0].startswith("#") and cells[0] != DOCUMENT]
    width = Counter(map(len, plain)).most_common(1)[0][0] if plain else 0
    tags = {cells[-1] for cells in plain}
    sentences: list[list[Line]] = [[]]
    for number, cells in enumerate(rows, start=1):
        if not cells or cells[0] == DOCUMENT:
            sentences += [[]] if sentences[-1] else []
        elif not cells[0].startswith("#") or (len(cells) == width and (cells[0] != "#" or cells[-1] in tags)):
            sentences[-1].append((number, cells))
    return [sentence for sentence in sentences if sentence], width
