"""Tables too large for memory, some rows at a time; what is not made of lines or row groups is read whole."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from warmstart.data.sources.hub import Table, from_frame
from warmstart.data.sources.objects import each_object
from warmstart.data.sources.reading import PARQUET, read_table, refuse_repeated
from warmstart.data.sources.textfile import encoding_of, first_line, separator_of, text_rows
from warmstart.errors import DataError

ROWS = 1000
"""At a time: also those that columns are found by."""
_OF_LINES = (".csv", ".tsv", ".txt")
_OF_OBJECTS = (".jsonl", ".ndjson")


def chunks(source: Any) -> Iterator[Table]:
    """(header, at most `ROWS` rows) of a file or a table in memory; the header is the same every time.

    Of JSON lines the columns are those of the first rows.

    Raises:
        DataError: as of `warmstart.data.sources.reading.read_table`, once the row is reached.
    """
    ending = source.suffix.lower() if isinstance(source, Path) else ""
    if ending in _OF_LINES:
        return _of_text(source)
    if ending in PARQUET:
        return _of_parquet(source)
    if ending in _OF_OBJECTS:
        return _of_object_file(source)
    return _whole(source)


def of_objects(found: Iterable[dict[str, Any]]) -> Iterator[Table]:
    """The same of objects, one after the other."""
    found = iter(found)
    begin = list(islice(found, ROWS))
    header = list(dict.fromkeys(name for item in begin for name in item))
    for some in _some(chain(begin, found)):
        yield header, [[item.get(name) for name in header] for item in some]


def large(path: Path, more_than: int) -> bool:
    """Whether a file has more bytes; false where there is none."""
    try:
        return path.stat().st_size > more_than
    except OSError:
        return False


def _whole(source: Any) -> Iterator[Table]:
    header, rows = read_table(source, [], keep_empty=True)
    for start in range(0, len(rows), ROWS):
        yield header, rows[start : start + ROWS]


def _of_text(path: Path) -> Iterator[Table]:
    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as lines:
        separator = separator_of("".join(islice(lines, 50))) if first_line(path) else ","
        lines.seek(0)
        rows = text_rows(lines, path, separator, keep_empty=True)
        header = next(rows, [])
        refuse_repeated(header)
        for some in _some(rows):
            yield header, some


def _of_parquet(path: Path) -> Iterator[Table]:
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                header, rows = from_frame(batch.to_pandas())
                refuse_repeated(header)
                yield header, rows
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise DataError(f"{path} cannot be read as Parquet: {error}", do="write the file again") from error


def _of_object_file(path: Path) -> Iterator[Table]:
    with path.open("rb") as file:
        yield from of_objects(each_object(io.TextIOWrapper(file, encoding_of(path), newline="\n"), path))


def _some(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while some := list(islice(rows, ROWS)):
        yield some
