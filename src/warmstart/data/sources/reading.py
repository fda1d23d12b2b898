"""Any table as a header and rows of cells, whatever it is stored in. Nothing is guessed about the cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmstart.data.sources import objects
from warmstart.data.sources.conll import CONLL, read_conll
from warmstart.data.sources.hub import Table, from_frame, from_hub, is_hub
from warmstart.data.sources.textfile import decoded, first_rows, read_text_table
from warmstart.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

PARQUET = (".parquet", ".pq")
OBJECTS = (".jsonl", ".ndjson", ".json")
TABLES = (".csv", ".tsv", ".txt", *PARQUET, *OBJECTS, *CONLL)
"""Endings of the files that are read as tables."""
LINES = (".txt", ".tsv")
"""Those that hold a word in each line where words are labelled."""
_HEAD_BYTES = 1 << 20
_HEAD_ROWS = 100


def is_table(data: Any) -> bool:
    """Whether it is a table in memory: a DataFrame, or what becomes one (of Hugging Face `datasets`, polars, Arrow).

    None of these is imported for it.

    >>> is_table([1, 2])
    False
    """
    return _is_frame(data) or is_hub(data)


def read_table(source: Any, notes: list[str], *, keep_empty: bool = False, tagged: bool = False) -> Table:
    """Header and rows of a file, a DataFrame, or what becomes one; `notes` gets what had to be found out.

    Args:
        source: a path, or a table in memory (`is_table`).
        notes: what had to be found out is added to them.
        keep_empty: keep rows of a CSV in which every cell is empty.
        tagged: a .txt or .tsv file has a word with its tag in each line (`warmstart.data.sources.conll`).

    Raises:
        DataError: it cannot be read, has no rows, or two columns of one name; names the row where there is one.
    """
    header, table = _read(source, notes, keep_empty, tagged)
    refuse_repeated(header)
    if not table:
        raise DataError("the table has no rows", expected="one row for each sample")
    return header, table


def refuse_repeated(header: Sequence[str]) -> None:
    """Raise `DataError` for two columns of one name; unnamed ones are not used."""
    if repeated := sorted({name for name in header if name and header.count(name) > 1}):
        raise DataError(
            f"column name(s) that occur more than once: {', '.join(map(repr, repeated))}",
            expected="one name for each column",
            do="rename them",
        )


def frame_of(source: Any) -> pd.DataFrame | None:
    """The table as a DataFrame, where it is one or is stored as one: columns keep their types. Raises `DataError`."""
    if isinstance(source, Path):
        return _parquet(source) if source.suffix.lower() in PARQUET else None
    return source if _is_frame(source) else None


def head(source: Any) -> Table:
    """Header and about the first hundred rows, as far as they can be read; a large file is not read for it.

    Raises:
        DataError: it is no table that can be read.
    """
    if not isinstance(source, Path):
        first = next(iter(source.values()), None) if isinstance(source, Mapping) else source
        return ([], []) if first is None else _read(_first_rows(first), [])
    if source.suffix.lower() in PARQUET:
        return from_frame(_parquet(source, rows=_HEAD_ROWS))
    if source.suffix.lower() in (".json", *CONLL):
        header, table = _read(source, [])
        return header, table[:_HEAD_ROWS]
    with source.open("rb") as file:
        lines = file.read(_HEAD_BYTES)
        whole = not file.read(1)
    text, _ = decoded(lines if whole else lines[: lines.rfind(b"\n") + 1 or None], source)
    if source.suffix.lower() in OBJECTS:
        return objects.from_lines(text.split("\n")[:_HEAD_ROWS], source)
    rows = first_rows(text, _HEAD_ROWS)
    header = [name.strip() for name in rows[0]] if rows else []
    return header, [[*cells, *[""] * (len(header) - len(cells))][: len(header)] for cells in rows[1:]]


def _read(source: Any, notes: list[str], keep_empty: bool = False, tagged: bool = False) -> Table:
    """The same as `read_table`, whatever the names and the number of rows."""
    if not isinstance(source, Path):
        return from_frame(source) if _is_frame(source) else from_hub(source, notes)
    if source.suffix.lower() in PARQUET:
        return from_frame(_parquet(source))
    if source.suffix.lower() in OBJECTS:
        return objects.read_json(source, notes)
    if source.suffix.lower() in (*CONLL, *(LINES if tagged else ())):
        return read_conll(source, notes)
    return read_text_table(source, notes, keep_empty=keep_empty)


def _parquet(path: Path, rows: int | None = None) -> pd.DataFrame:
    import pandas as pd
    import pyarrow.parquet

    try:
        if rows is None:
            return pd.read_parquet(path)
        with pyarrow.parquet.ParquetFile(path) as file:
            return next((batch.to_pandas() for batch in file.iter_batches(rows)), pd.DataFrame())
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise DataError(f"{path} cannot be read as Parquet: {error}", do="write the file again") from error


def _first_rows(table: Any) -> Any:
    """A table in memory, cut short where it can be without making a copy of it all."""
    if _is_frame(table):
        return table.head(_HEAD_ROWS)
    return table.select(range(min(_HEAD_ROWS, len(table)))) if hasattr(table, "features") else table


def _is_frame(data: Any) -> bool:
    """Whether it is a DataFrame, without importing pandas for those who have none."""
    return type(data).__name__ == "DataFrame" and type(data).__module__.startswith("pandas")
