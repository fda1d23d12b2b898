"""Whatever the user brings, as a `Dataset`. One file for each form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warmstart.data.schema import Dataset, Kind
from warmstart.data.sources.arrays import load_arrays
from warmstart.data.sources.folder import load_folder
from warmstart.data.sources.histories import read_histories
from warmstart.data.sources.inputs import load_inputs
from warmstart.data.sources.kind import OF_TEXTS, kind_of, refuse_mixed, require_kind
from warmstart.data.sources.reading import TABLES, is_table
from warmstart.data.sources.rows import OnMissing
from warmstart.data.sources.table import load_table
from warmstart.data.sources.texts import load_texts
from warmstart.data.targets import TaskName
from warmstart.data.windows import Asked, windows_of
from warmstart.errors import DataError

__all__ = ["OnMissing", "kind_of", "load", "load_inputs"]

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def load(
    data: Any,
    *,
    kind: Kind | None = None,
    task: TaskName | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    group: Any = None,
    time: Any = None,
    on_missing: OnMissing = "error",
    forecast: Asked | None = None,
) -> Dataset:
    """Read labelled images or texts in any form; no image is decoded and nothing is changed.

    Args:
        data: a folder with a folder per class (with or without train/val/test above them); a CSV, TSV, Parquet, JSON
            or JSON lines file; a DataFrame, or a `Dataset` or `DatasetDict` of Hugging Face; `(images, labels)` or
            `(texts, labels)`; or a `Dataset`, which is returned as it is.
        kind: "image" or "text"; without it, what `kind_of` finds.
        task: what the labels pose: "classify" (one of several classes), "multilabel" (any number of several labels),
            "regress" (numbers), "tag" (a tag for each word), "generate" (a text to be written). Without it, what is
            found: lists of names are several labels, lists as long as those of the words are tags, many different
            fractions are numbers, all else are classes; "generate" and names in one cell ("a|b") must be said.
        path_column: column of a table that holds the paths of images, where its name does not tell.
        text_column: column of a table that holds the texts, likewise; for pairs of texts two, with a comma between.
        label_column: column of a table that holds the labels, likewise; several, with commas between them, hold 0 and 1
            each, or numbers.
        group: what must stay in one part: column of a table; "folder", for folders below the class; for data in memory
            a sequence with an entry per sample.
        time: when each sample was taken: column of a table with numbers or dates; "exif", for a folder of photos that
            say it; for data in memory a sequence with an entry per sample. Parts are then cut by time.
        on_missing: "skip" leaves out rows of a table whose file is missing or whose label is empty.
        forecast: what is asked of series that are to be forecast; data are then as `read_histories` has them.

    Raises:
        DataError: what was found, what was expected, what to do.
    """
    if forecast is not None and not isinstance(data, Dataset):
        return windows_of(read_histories(data), forecast)
    if not isinstance(data, Dataset):
        data = _source(data, columns=bool(path_column or text_column or label_column))
    if kind is None:
        kind = kind_of(data, task=task, path_column=path_column, text_column=text_column)
    else:
        require_kind(data, kind, path_column=path_column, text_column=text_column)
    if isinstance(data, Dataset):
        if task not in (None, data.target.kind):
            raise DataError(f"the task {task!r} for a data set whose target is of {data.target.kind!r}", "one task")
        return data
    if kind == "image" and task in OF_TEXTS:
        raise DataError(f"the task {task!r} for images", expected="'classify', 'multilabel' or 'regress'")
    if isinstance(data, tuple) and isinstance(data[0], (list, tuple)):
        refuse_mixed(data[0])
    of: dict[str, Any] = {"group": group, "time": time, "task": task}
    if kind == "text":
        return load_texts(data, text_column=text_column, label_column=label_column, on_missing=on_missing, **of)
    if isinstance(data, tuple):
        return load_arrays(*data, **of)
    if isinstance(data, Path) and data.is_dir():
        return load_folder(data, **of)
    return load_table(data, path_column=path_column, label_column=label_column, on_missing=on_missing, **of)


def _source(data: Any, *, columns: bool) -> Any:
    """The data as a path that exists, a table in memory, or a tuple of two; `columns` of it are named."""
    if isinstance(data, (str, Path)):
        path = _existing(Path(data))
        if path.is_dir() and columns:
            raise DataError(f"{path} is a folder; columns belong to tables", do="leave the column options out")
        if not path.is_dir() and path.suffix.lower() not in TABLES:
            raise DataError(f"{path} is no folder and no table", expected=f"a folder, or a file {', '.join(TABLES)}")
        return path
    if is_table(data):
        return data
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return tuple(data)
    raise DataError(
        f"data of type {type(data).__name__}",
        expected="a folder, a table (CSV, Parquet, JSON lines, a DataFrame), (images, labels), (texts, labels), "
        "or a Dataset",
    )


def _existing(path: Path) -> Path:
    try:
        exists, is_file = path.exists(), path.is_file()
    except OSError as error:  # a name too long
        raise DataError(f"{str(path)[:200]}: {error.strerror}", expected="an existing folder or file") from error
    if not exists:
        raise DataError(f"there is no {path}", expected="an existing folder or file", do="check the spelling")
    if is_file and path.suffix.lower() in ARCHIVES:
        raise DataError(f"{path} is an archive", expected="a folder or a table", do="unpack it and name its folder")
    return path
