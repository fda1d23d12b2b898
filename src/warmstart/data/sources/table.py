"""A table with one row per image, of any form that is read. Labels are names, whatever they look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warmstart.data.parts import check_parts
from warmstart.data.schema import Dataset
from warmstart.data.sources.answers import read_answers, target_of
from warmstart.data.sources.columns import find_columns, find_path, label_names
from warmstart.data.sources.labels import as_cell
from warmstart.data.sources.reading import read_table
from warmstart.data.sources.rows import OnMissing, to_samples
from warmstart.data.sources.tasks import NONE, Kinds
from warmstart.data.targets import TaskName


def load_table(
    source: Any,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    group: str | None = None,
    time: str | None = None,
    on_missing: OnMissing = "error",
    task: TaskName | None = None,
    kinds: Kinds = NONE,
) -> Dataset:
    """Read a table. Relative paths are relative to its folder (a DataFrame's to the current one).

    A column named split, set or subset that holds nothing but train, val and test divides the rows.

    Args:
        source: the file, or a table in memory (`warmstart.data.sources.reading`).
        path_column: which column holds the paths; found by its name if not given.
        label_column: which column holds the labels; likewise. Several, with commas between them, hold 0 and 1 each, or
            numbers, or pose a task each.
        group: column of what must stay in one part (a patient, a site, a device).
        time: column of when each was taken, numbers or dates (`warmstart.data.sources.times`).
        on_missing: "skip" leaves out rows whose file is missing or whose label is empty, and a note counts them.
        task: that the labels pose; found by what they are (`warmstart.data.sources.answers`) if not given.
        kinds: of several tasks, what each column poses.

    Raises:
        DataError: names the column, or the row (1 is the first below the header), that does not fit.
    """
    notes: list[str] = []
    path = source if isinstance(source, Path) else None
    header, table = read_table(source, notes)
    paths = find_path(header, path_column)
    of = {"label": label_column, "group": group, "time": time}
    columns = find_columns(header, table, [paths], known=label_names(task), needed=task != "anomaly", **of)
    answers = read_answers(columns.label_cells(header, table), task, notes, kinds)
    at, root = header.index(paths), path.parent if path is not None else Path()
    # A path stays as it is, letter for letter: the file system is asked for it.
    rows = [{**cells, "path": as_cell(row[at])} for cells, row in zip(columns.cells(header, table), table, strict=True)]
    samples = to_samples(rows, answers, root, on_missing, notes)
    target = target_of(answers, [s.label for s in samples], notes)
    name = path.stem if path is not None else "table"
    dataset = Dataset(samples, target, name, root, tuple(notes))
    check_parts(dataset)
    return dataset
