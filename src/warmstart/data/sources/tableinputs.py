"""Inputs in a table, some rows at a time: a column of paths, of texts, or a series in each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from warmstart.data.names import clean
from warmstart.data.schema import Sample, Text
from warmstart.data.sources.chunks import chunks
from warmstart.data.sources.columns import find_path, named
from warmstart.data.sources.given import Given, Wanted
from warmstart.data.sources.hub import Table
from warmstart.data.sources.kind import require_kind
from warmstart.data.sources.labels import as_text
from warmstart.data.sources.rows import file_in
from warmstart.data.sources.tags import find_words, words_in
from warmstart.data.sources.textcolumns import find_texts, guess_texts, texts_in
from warmstart.data.sources.walk import is_file
from warmstart.errors import DataError

DO = "give what the model was trained to read"
OfRows = Callable[[Sequence[Sequence[Any]], int], Iterator[Sample]]
"""The samples of some rows, of which the first has this number."""


def of_table(source: Any, wanted: Wanted, *, alone: bool) -> Iterator[Given]:
    """The inputs in a file or a table in memory; ids begin with the name of it, unless it is `alone`.

    Raises:
        DataError: there is no such file, it cannot be read, or a column that is needed is not in it.
    """
    if isinstance(source, Path) and not is_file(source):
        raise DataError(f"there is no table {source}", expected="an existing file", do="check the spelling")
    require_kind(source, wanted.kind, path_column=wanted.path_column, text_column=wanted.text_column, do=DO)
    prefix = "" if alone else f"{source.as_posix() if isinstance(source, Path) else 'table'} "
    root = source.parent if isinstance(source, Path) else Path()
    return of_chunks(chunks(source), wanted, prefix, root)


def of_chunks(tables: Iterable[Table], wanted: Wanted, prefix: str, root: Path) -> Iterator[Given]:
    """The inputs in the rows of tables that are parts of one; columns are found from the first of them."""
    read: OfRows | None = None
    number = 1
    for header, rows in tables:
        if read is None:
            read = (
                _of_paths(header, wanted, root) if wanted.kind == "image" else _of_texts(header, rows, wanted, prefix)
            )
        kept = kept_cells(header, rows, wanted.keep)
        for sample, cells in zip(read(rows, number), kept, strict=True):
            yield Given(sample, cells)
        number += len(rows)


def kept_cells(header: Sequence[str], rows: Sequence[Sequence[Any]], keep: str | None) -> list[dict[str, str]]:
    """The cells of the columns to keep, of each row, as text. Raises `DataError` where there is no such column."""
    if keep is None:
        return [{}] * len(rows)
    at = {name: header.index(name) for name in named(header, keep, "keep")}
    return [{name: as_text(row[i]) for name, i in at.items()} for row in rows]


def _of_paths(header: Sequence[str], wanted: Wanted, root: Path) -> OfRows:
    at = header.index(find_path(header, wanted.path_column))

    def read(rows: Sequence[Sequence[Any]], first: int) -> Iterator[Sample]:
        for number, row in enumerate(rows, start=first):
            cell = as_text(row[at])
            yield Sample(clean(Path(cell).as_posix()) if cell else f"row-{number}", file_in(root, cell))

    return read


def _of_texts(header: Sequence[str], begin: Sequence[Sequence[Any]], wanted: Wanted, prefix: str) -> OfRows:
    words = find_words(header, begin, only=wanted.text_column)
    tagged = words is not None and bool(wanted.text_column or not guess_texts(header, begin))
    columns = () if tagged else find_texts(header, begin, wanted.text_column, [])[0]

    def read(rows: Sequence[Sequence[Any]], first: int) -> Iterator[Sample]:
        if tagged:
            texts = list(map(Text.of_words, words_in(header, rows, str(words), [])))
        else:
            texts = texts_in(header, rows, columns, first=first)
        for number, text in enumerate(texts, start=first):
            yield Sample(f"{prefix}row-{number}", text)

    return read
