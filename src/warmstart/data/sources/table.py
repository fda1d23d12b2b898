"""A table with one row per image: CSV, TSV, Parquet or a DataFrame."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

import pandas as pd

from warmstart.data.schema import ClassTarget, Dataset, Sample, SplitName
from warmstart.data.sources.names import PARTS, natural
from warmstart.errors import DataError, nearest

PATHS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "img_path")
LABELS = ("label", "class", "target", "category", "class_name", "label_name", "y")
SPLITS = ("split", "set", "subset", "fold", "part")
ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
FIELD_LIMIT = 1_000_000  # characters; a longer one is a quote that was never closed

OnMissing = Literal["error", "skip"]


def load_table(
    source: Path | pd.DataFrame,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    group: str | None = None,
    on_missing: OnMissing = "error",
) -> Dataset:
    """Read a table. Relative paths are relative to its folder; labels are text ('NA' stays 'NA').

    A column named split (or set, subset, part) with train, val and test divides the rows. `on_missing="skip"` leaves
    rows out whose file is missing or whose label is empty, and counts them.

    Raises:
        DataError: names the column, or the number of the row (1 is the first below the header), that does not fit.
    """
    notes: list[str] = []
    frame = source if isinstance(source, pd.DataFrame) else read_frame(source, notes)
    root = source.parent if isinstance(source, Path) else Path()
    name = source.stem if isinstance(source, Path) else "table"
    columns = [str(c) for c in frame.columns]
    if repeated := sorted({c for c in columns if columns.count(c) > 1}):
        raise DataError(f"column(s) that occur twice: {', '.join(repeated)}", do="rename one of each")
    path = _column(columns, path_column, PATHS, "path", "--path-column")
    label = _column(columns, label_column, LABELS, "label", "--label-column")
    if group is not None and group not in columns:
        raise DataError(
            f"no column {group!r} for the group", f"one of {', '.join(columns)}", f"nearest: {nearest(group, columns)}"
        )
    split = next((c for c in columns if c.lower() in SPLITS and c not in (path, label, group)), None)
    if split is not None and not _is_split(frame[split]):
        split = None
    samples, skipped = _samples(frame, root, path, label, group, split, on_missing)
    if skipped:
        notes.append(f"{skipped} row(s) left out: the file is missing or the label empty")
    classes = _classes(samples)
    return Dataset(tuple(samples), ClassTarget(classes), name, root, tuple(notes))


def read_frame(path: Path, notes: list[str]) -> pd.DataFrame:
    """A CSV, TSV or Parquet file as a table of text. Encoding and separator are found; `notes` says which if unusual."""
    if path.suffix.lower() in (".parquet", ".pq"):
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read as Parquet: {error}", do="write the file again") from error
    text = _decoded(path, notes)
    rows = list(_rows(text, path))
    if len(rows) < 2:
        raise DataError(f"{path} has no rows", expected="a line of column names and one line per image")
    header = rows[0]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise DataError(
                f"{path}: row {number} has {len(row)} fields and the header {len(header)}",
                expected="as many fields in each row as there are columns",
                do="put text that contains the separator in quotes",
            )
    return pd.DataFrame(rows[1:], columns=header, dtype=object)


def _decoded(path: Path, notes: list[str]) -> str:
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        notes.append(f"{path.name} is read as utf-16")
        return data.decode("utf-16")
    for encoding in ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != ENCODINGS[0]:
            notes.append(f"{path.name} is not UTF-8; it is read as {encoding}")
        return text
    raise DataError(f"{path} is no text in a known encoding", expected="UTF-8", do="save it as UTF-8")


def _rows(text: str, path: Path) -> list[list[str]]:
    first = text.split("\n", 1)[0]
    separator = max(",;\t|", key=first.count)
    csv.field_size_limit(FIELD_LIMIT)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if row:
                rows.append(row)
    except csv.Error as error:
        raise DataError(
            f"{path}: row {len(rows)}: {error}",
            expected=f"fields of at most {FIELD_LIMIT} characters",
            do="look for a quote that is opened and not closed",
        ) from error
    return rows


def _column(columns: list[str], asked: str | None, known: tuple[str, ...], what: str, option: str) -> str:
    if asked is not None:
        if asked in columns:
            return asked
        raise DataError(
            f"no column {asked!r} for the {what}",
            expected=f"one of {', '.join(columns)}",
            do=f"the nearest: {nearest(asked, columns)}",
        )
    found = [c for name in known for c in columns if c.lower() == name]
    if not found:
        raise DataError(
            f"which column holds the {what}? The columns are: {', '.join(columns)}",
            expected=f"one named {', '.join(known[:4])}, ...",
            do=f"name it with {option}",
        )
    return found[0]


def _is_split(values: pd.Series) -> bool:  # type: ignore[type-arg]
    return all(str(v).strip().lower() in PARTS for v in values.unique())


def _samples(
    frame: pd.DataFrame,
    root: Path,
    path: str,
    label: str,
    group: str | None,
    split: str | None,
    on_missing: OnMissing,
) -> tuple[list[Sample], int]:
    samples: list[Sample] = []
    seen: set[str] = set()
    skipped = 0
    for number, row in enumerate(frame.to_dict("records"), start=1):
        text, place = _text(row[label]), _text(row[path])
        file = root / place
        problem = "the label is empty" if not text else "" if place and file.is_file() else f"there is no file {file}"
        if problem and on_missing == "error":
            raise DataError(
                f"row {number}: {problem}",
                expected="an existing file and a label in every row (paths are relative to the table's folder)",
                do="mend the row, or leave such rows out with on_missing='skip'",
            )
        if problem:
            skipped += 1
            continue
        part: SplitName | None = PARTS[_text(row[split]).lower()] if split is not None else None
        name = Path(place).as_posix()
        name = f"{name}#{number}" if name in seen else name  # ids are unique; a file may be listed twice
        seen.add(name)
        samples.append(Sample(name, file, text, _text(row[group]) or None if group else None, part))
    return samples, skipped


def _text(value: object) -> str:
    """A cell as text; gaps are empty, whole floats lose their `.0`."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _classes(samples: list[Sample]) -> tuple[str, ...]:
    train = {str(s.label) for s in samples if s.split in (None, "train")}
    if len(train) < 2:
        raise DataError(f"{len(train)} class(es) in {len(samples)} rows", expected="two or more classes")
    unseen = sorted({str(s.label) for s in samples} - train, key=natural)
    if unseen:
        raise DataError(
            f"label(s) that no training row has: {', '.join(unseen)}",
            expected=f"some of {', '.join(sorted(train, key=natural))}",
            do="rename them, or add training rows",
        )
    return tuple(sorted(train, key=natural))
