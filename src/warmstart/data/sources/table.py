"""A table with one row per image: CSV, TSV, Parquet or a DataFrame. Labels are names, whatever they look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmstart.data.parts import check_parts
from warmstart.data.schema import ClassTarget, Dataset
from warmstart.data.sources.columns import Columns, find_columns
from warmstart.data.sources.labels import as_cell, as_text, class_names
from warmstart.data.sources.rows import OnMissing, to_samples
from warmstart.data.sources.textfile import read_text_table
from warmstart.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Cells = list[Any]


def load_table(
    source: Path | pd.DataFrame,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    group: str | None = None,
    time: str | None = None,
    on_missing: OnMissing = "error",
) -> Dataset:
    """Read a table. Relative paths are relative to its folder (a DataFrame's to the current one).

    A column named split, set or subset that holds nothing but train, val and test divides the rows.

    Args:
        source: the file or DataFrame.
        path_column: which column holds the paths; found by its name if not given.
        label_column: which column holds the labels; likewise.
        group: column of what must stay in one part (a patient, a site, a device).
        time: column of when each was taken, numbers or dates (`warmstart.data.sources.times`).
        on_missing: "skip" leaves out rows whose file is missing or whose label is empty, and a note counts them.

    Raises:
        DataError: names the column, or the row (1 is the first below the header), that does not fit.
    """
    notes: list[str] = []
    path = source if isinstance(source, Path) else None
    header, table = _read(source, notes)
    if repeated := sorted({name for name in header if name and header.count(name) > 1}):  # unnamed ones are not used
        raise DataError(
            f"column name(s) that occur more than once: {', '.join(map(repr, repeated))}",
            expected="one name for each column",
            do="rename them",
        )
    columns = find_columns(header, table, path=path_column, label=label_column, group=group, time=time)
    root = path.parent if path is not None else Path()
    samples = to_samples(_cells(columns, header, table), root, on_missing, notes)
    classes = class_names([str(s.label) for s in samples], notes)
    name = path.stem if path is not None else "table"
    dataset = Dataset(samples, ClassTarget(classes), name, root, tuple(notes))
    check_parts(dataset)
    return dataset


def _read(source: Path | pd.DataFrame, notes: list[str]) -> tuple[list[str], list[Cells]]:
    """Header and rows of whatever form."""
    if not isinstance(source, Path):
        return _from_frame(source)
    if source.suffix.lower() not in (".parquet", ".pq"):
        header, rows = read_text_table(source, notes)
        return header, [cells for _, cells in rows]
    import pandas as pd

    try:
        return _from_frame(pd.read_parquet(source))
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise DataError(f"{source} cannot be read as Parquet: {error}", do="write the file again") from error


def _from_frame(frame: pd.DataFrame) -> tuple[list[str], list[Cells]]:
    if len(frame) == 0:
        raise DataError("the table has no rows", expected="one row for each image")
    columns = [frame.iloc[:, i].tolist() for i in range(frame.shape[1])]
    return [str(name) for name in frame.columns], [list(row) for row in zip(*columns, strict=True)]


def _cells(columns: Columns, header: Sequence[str], table: list[Cells]) -> list[dict[str, str]]:
    """The cells that matter as text, empty where there is none: path, label, and group, split and time if there are."""
    at = {role: header.index(name) for role, name in columns.named().items()}
    # A path stays as it is, letter for letter: the file system is asked for it.
    return [{role: (as_cell if role == "path" else as_text)(row[i]) for role, i in at.items()} for row in table]
