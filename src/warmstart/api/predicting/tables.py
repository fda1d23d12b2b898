"""Tables of answers as files: CSV, JSON lines, Parquet. Each is made of rows in JSON lines, and is there whole or not.

Rows that were written are read again from the file, when somebody asks for them.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, overload

from warmstart.api.predicting.counts import Counts
from warmstart.api.predicting.lines import Columns, Line, lines_of
from warmstart.errors import DataError
from warmstart.files import sync, writing

Row = dict[str, Any]
ENDINGS = (".csv", ".jsonl", ".parquet")
_GROUP = 10_000
"""Lines that are held at once."""
_EMPTY = {"input": "str", "error": "str"}
_ARROW = {"bool": "bool_", "int": "int64", "float": "float64", "str": "string", "": "string"}


def is_table_name(out: str | Path) -> bool:
    """Whether answers are written to a file of this name as a table.

    >>> is_table_name("answers.csv"), is_table_name("found")
    (True, False)
    """
    return Path(out).suffix.lower() in ENDINGS


def refuse_other_endings(out: Path) -> None:
    """Raise `DataError` for a name that is not that of a table."""
    if not is_table_name(out):
        raise DataError(
            f"out is {out.name!r}, which says no form",
            expected=f"a name that ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}",
            do=f"name it {out.stem}.csv, for instance; a folder is written for boxes and masks alone",
        )


def write_table(out: Path, rows: Path, columns: Columns, classes: Sequence[str]) -> None:
    """Write the rows in a file of JSON lines as a table of the form that the name of `out` says."""
    with writing(out):
        if out.suffix.lower() == ".jsonl":
            sync(rows)
            rows.replace(out)  # it is the form that they have
        else:
            temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
            try:
                _WRITERS[out.suffix.lower()](temporary, _lines(rows, classes), columns)
                sync(temporary)
                temporary.replace(out)
            finally:
                temporary.unlink(missing_ok=True)
        sync(out.parent)


def _lines(rows: Path, classes: Sequence[str]) -> Iterator[Line]:
    return (line for row in _objects(rows) for line in lines_of(row, classes))


def _objects(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _write_csv(path: Path, lines: Iterable[Line], columns: Columns) -> None:
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.DictWriter(file, columns.order or [*_EMPTY], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _write_parquet(path: Path, lines: Iterable[Line], columns: Columns) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    order = columns.order or [*_EMPTY]
    types = columns.types or _EMPTY
    schema = pa.schema([(name, getattr(pa, _ARROW[types[name]])()) for name in order])
    lines = iter(lines)
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        while some := list(islice(lines, _GROUP)):
            cells = {name: [_as(types[name], line.get(name)) for line in some] for name in order}
            writer.write_table(pa.table(cells, schema=schema))


def _as(kind: str, value: Any) -> Any:
    if value is None or kind == "":
        return None
    if kind == "str":
        text = value if isinstance(value, str) else str(value)
        return text.encode("utf-8", "replace").decode()
    return float(value) if kind == "float" else value


_WRITERS: dict[str, Callable[[Path, Iterable[Line], Columns], None]] = {".csv": _write_csv, ".parquet": _write_parquet}


class WrittenRows(Sequence[Row]):
    """Answers that lie in a file: how many they are is known, and they are read when they are asked for.

    Of JSON lines they are what `predict` gives without a file; of a table they are its lines, of CSV with every cell
    as text.
    """

    def __init__(self, path: Path, counts: Counts) -> None:
        self.path = path
        self.counts = counts

    def __iter__(self) -> Iterator[Row]:
        if self.path.suffix.lower() == ".jsonl":
            yield from _objects(self.path)
        elif self.path.suffix.lower() == ".csv":
            with self.path.open(encoding="utf-8", newline="") as file:
                yield from csv.DictReader(file)
        else:
            import pyarrow.parquet

            with pyarrow.parquet.ParquetFile(self.path) as table:
                for batch in table.iter_batches(_GROUP):
                    yield from batch.to_pylist()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """One row is read up to its place; of a slice all are held."""
        if isinstance(index, slice):
            return list(self)[index]
        found = next(islice(self, index if index >= 0 else len(self) + index, None), None)
        if found is None:
            raise IndexError(index)
        return found


def as_line(row: Row) -> bytes:
    r"""A row as a line of JSON; what is not finite is null, and pixels are left out.

    >>> as_line({"input": "ä", "distance": float("inf")})
    b'{"input": "\xc3\xa4", "distance": null}\n'
    """
    told = {key: value for key, value in row.items() if key != "mask" or isinstance(value, str)}
    try:
        text = json.dumps(told, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(told), ensure_ascii=False)
    return io.StringIO(text + "\n").getvalue().encode("utf-8", "replace")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and value - value != 0 else value
