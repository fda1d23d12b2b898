"""CSV and TSV files as people make them: any common encoding and separator, every cell text.

Nothing is guessed about the values: "NA", "None" and "007" stay what they are. What does not fit is an error that names
the row.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from warmstart.errors import DataError

ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
"""Tried in this order; the last one reads anything."""
SEPARATORS = ",;\t|"
_SNIFFED = 20
_FIRST_LINE = 1 << 16
"""Bytes."""
_BLOCK = 1 << 20
"""Bytes."""
_LONGEST = 1 << 20
"""Characters of a cell: a book has fewer, and what a quote that is not closed takes in has more."""
_CONTROLS = frozenset(map(chr, {*range(32)} - set(map(ord, "\t\n\v\f\r\x1b\x1a"))))
_STRANGE = 0.1
"""Share of control characters beyond which bytes are no text."""

Rows = list[list[str]]
"""The cells of each; row 1 is the first below the header, as a spreadsheet without its header counts."""


def read_text_table(path: Path, notes: list[str], *, keep_empty: bool = False) -> tuple[list[str], Rows]:
    """(header, rows) of a CSV or TSV file. `notes` gets what had to be found out.

    Blank lines are passed over, and so are rows in which every cell is empty, unless `keep_empty`.

    Raises:
        DataError: it cannot be read, is no text, has no rows, or a row has more or fewer cells than the header, a cell
            that is too long, or a quote that is opened and not closed.
    """
    text = read_noted(path, notes)
    lines = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline="")  # `StringIO` takes 4 bytes a character
    header, *rows = text_rows(lines, path, separator_of(text), keep_empty=keep_empty)
    return header, rows


def text_rows(lines: Iterable[str], path: Path, separator: str, *, keep_empty: bool) -> Iterator[list[str]]:
    """The header and then each row, read as it is asked for; otherwise as `read_text_table`, with the same errors."""
    header: list[str] = []
    number = 0
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for cells in _in_long_cells(reader):
            if not cells or not (any(cell.strip() for cell in cells) or (header and keep_empty)):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                yield header
                continue
            number += 1
            if len(cells) != len(header):
                raise _ragged(path, number, reader.line_num, cells, header)
            yield cells
    except csv.Error as error:
        raise DataError(
            f"{path}: row {number + 1} (ending in line {reader.line_num}) cannot be read: {error}",
            expected=f"cells of at most {_LONGEST} characters; a quote in a quoted cell is written twice",
            do="look for a quote that is opened and not closed",
        ) from error
    if not number:
        raise DataError(f"{path} has no rows", expected="a line of column names, and one line for each sample")


def first_rows(text: str, n: int) -> list[list[str]]:
    """The first rows of a table that may be cut off anywhere, as far as they can be read; blank lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text))
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        for cells in islice(_in_long_cells(reader), n):
            rows += [cells] if any(cell.strip() for cell in cells) else []
    return rows


def _in_long_cells(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows of a reader, whose cells may be as long as a book; the limit is one of the whole process."""
    limit = csv.field_size_limit(_LONGEST)
    try:
        yield from reader
    finally:
        csv.field_size_limit(limit)


def _ragged(path: Path, number: int, line: int, cells: list[str], header: list[str]) -> DataError:
    return DataError(
        f"{path}: row {number} (line {line}) has {len(cells)} cells and the header has {len(header)}",
        expected=f"one cell for each of the columns {', '.join(header)}",
        do="put text that contains the separator in double quotes",
    )


def read_noted(path: Path, notes: list[str]) -> str:
    """The text of a file of data; `notes` gets its encoding where that is not UTF-8. Raises `DataError`."""
    text, encoding = read_text(path)
    if encoding != ENCODINGS[0]:
        notes.append(f"{path.name} is not UTF-8; it was read as {encoding}")
    return text


def read_text(path: Path) -> tuple[str, str]:
    """(text, encoding) of a file in any common encoding, without its byte order mark.

    Raises:
        DataError: it cannot be read, or is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return decoded(data, path)


def first_line(path: Path) -> str:
    """The first line of a text file that is not blank, or the beginning of it; empty if it is no text."""
    with path.open("rb") as file:
        begin = file.read(_FIRST_LINE)
    try:
        text, _ = decoded(begin, path)
    except DataError:
        return ""
    return next((line for line in text.splitlines() if line.strip()), "")


def encoding_of(path: Path) -> str:
    """The encoding that `read_text` would read a file in, found without keeping its text. Raises `DataError`."""
    try:
        with path.open("rb") as file:
            begin = file.read(_BLOCK)
            decoded(begin[: max(2, len(begin) - 4)], path)  # what is no text at all shows at its beginning
            encodings = ("utf-16",) if begin[:2] in (b"\xff\xfe", b"\xfe\xff") else ENCODINGS
            return next(name for name in encodings if _decodes(file, name))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except StopIteration:
        raise _no_utf16(path) from None


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def decoded(data: bytes, path: Path) -> tuple[str, str]:
    """The same for the bytes of a file, or the first of them. Raises `DataError` if they are no text."""
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ENCODINGS
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text or sum(c in _CONTROLS for c in text[:4096]) > _STRANGE * len(text[:4096]):
            raise DataError(f"{path} is no text that can be read", expected="a text file", do="save it as UTF-8")
        return text, encoding
    raise _no_utf16(path)


def _no_utf16(path: Path) -> DataError:
    return DataError(f"{path} is damaged: it begins as UTF-16 and does not go on so", do="save it as UTF-8")


def separator_of(text: str) -> str:
    """The separator that cuts the first rows into the most cells, the same number in the most of them."""
    head = text[: 1 << 16].splitlines()[: _SNIFFED + 1]

    def quality(separator: str) -> tuple[int, int]:
        try:
            widths = [len(cells) for cells in csv.reader(head, delimiter=separator) if cells]
        except csv.Error:
            return (0, 0)
        first = widths[0] if widths else 0
        return (sum(width == first for width in widths) if first > 1 else 0, first)

    return max(SEPARATORS, key=quality)
