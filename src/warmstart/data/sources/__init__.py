"""Whatever the user brings, as a `Dataset`. One file per form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from warmstart.data.schema import Dataset, Sample
from warmstart.data.sources.arrays import as_source, load_arrays
from warmstart.data.sources.folder import images_below, load_folder
from warmstart.data.sources.table import OnMissing, load_table
from warmstart.errors import DataError

TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def load(
    data: Any,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    group: str | None = None,
    on_missing: OnMissing = "error",
) -> Dataset:
    """Read labelled images from any form; nothing is decoded and nothing is changed.

    Args:
        data: a folder per class (with or without train/val/test above), a CSV, TSV or Parquet file or a DataFrame,
            `(images, labels)`, or a `Dataset`, which is returned as it is.
        path_column, label_column: columns of a table, where their names do not tell.
        group: column of a table, or "folder", that names what must not be divided over splits.
        on_missing: "skip" leaves out rows of a table whose file is missing or whose label is empty.

    Raises:
        DataError: what was found, and what was expected.
    """
    if isinstance(data, Dataset):
        return data
    columns = {"path_column": path_column, "label_column": label_column}
    if isinstance(data, pd.DataFrame):
        return load_table(data, group=group, on_missing=on_missing, **columns)
    if isinstance(data, tuple) and len(data) == 2:
        return load_arrays(*data)
    if not isinstance(data, str | Path):
        raise DataError(
            f"data of type {type(data).__name__}",
            expected="a folder, a CSV or Parquet file, a DataFrame, (images, labels), or a Dataset",
        )
    path = _existing(Path(data))
    if path.is_dir():
        if path_column or label_column:
            raise DataError(f"{path} is a folder, and columns belong to tables", do="leave the column options out")
        return load_folder(path, group=group)
    if path.suffix.lower() in TABLES:
        return load_table(path, group=group, on_missing=on_missing, **columns)
    raise DataError(f"{path} is no folder and no table", expected=f"a folder, or a file ending in {', '.join(TABLES)}")


def load_unlabelled(inputs: Any) -> tuple[Sample, ...]:
    """Images to answer for: files, folders (all images below them), PIL images, arrays, bytes, or a mix in a list.

    Raises:
        DataError: a path does not exist, or a folder holds no image. What a file holds is looked at later.
    """
    if isinstance(inputs, str | Path) or not isinstance(inputs, Sequence):
        inputs = [inputs] if not hasattr(inputs, "ndim") or inputs.ndim < 4 else list(inputs)
    samples: list[Sample] = []
    for row, item in enumerate(inputs):
        if isinstance(item, Sample):
            samples.append(item)
        elif isinstance(item, str | Path):
            samples += _files(_existing(Path(item)))
        else:
            samples.append(Sample(f"row-{row}", as_source(item)))
    return tuple(samples)


def _files(path: Path) -> list[Sample]:
    if not path.is_dir():
        return [Sample(path.as_posix(), path)]
    found = images_below(path)
    if not found:
        raise DataError(f"no image below {path}", expected="image files", do="name the files")
    return [Sample(p.as_posix(), p) for p in found]


def _existing(path: Path) -> Path:
    if path.suffix.lower() in ARCHIVES and path.is_file():
        raise DataError(
            f"{path} is an archive", expected="a folder or a table", do="unpack it first, then name the folder"
        )
    if not path.exists():
        raise DataError(
            f"there is no {path}", expected="an existing folder or file", do="check the spelling of the path"
        )
    return path
