"""Whatever the user brings, as a `Dataset`. One file for each form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from warmstart.data.names import natural
from warmstart.data.schema import Dataset, Sample
from warmstart.data.sources.arrays import as_source, as_sources, load_arrays
from warmstart.data.sources.folder import load_folder
from warmstart.data.sources.rows import OnMissing
from warmstart.data.sources.table import load_table
from warmstart.data.sources.walk import walk
from warmstart.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OnMissing", "load", "load_unlabelled"]

TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def load(
    data: Any,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    group: Any = None,
    time: Any = None,
    on_missing: OnMissing = "error",
) -> Dataset:
    """Read labelled images in any form; no image is decoded and nothing is changed.

    Args:
        data: a folder with a folder per class (with or without train/val/test above them), a CSV, TSV or Parquet file,
            a DataFrame, `(images, labels)`, or a `Dataset`, which is returned as it is.
        path_column: column of a table that holds the paths, where its name does not tell.
        label_column: column of a table that holds the labels, likewise.
        group: what must stay in one part: column of a table; "folder", for folders below the class; for `(images,
            labels)` a sequence with an entry per image.
        time: when each sample was taken: column of a table with numbers or dates; "exif", for a folder of photos that
            say it; for `(images, labels)` a sequence with an entry per image. Parts are then cut by time.
        on_missing: "skip" leaves out rows of a table whose file is missing or whose label is empty.

    Raises:
        DataError: what was found, what was expected, what to do.
    """
    if isinstance(data, Dataset):
        return data
    columns = {"path_column": path_column, "label_column": label_column, "group": group, "time": time}
    if _is_frame(data):
        return load_table(data, on_missing=on_missing, **columns)
    if isinstance(data, (str, Path)):
        path = _existing(Path(data))
        if path.is_dir():
            if path_column or label_column:
                raise DataError(f"{path} is a folder; columns belong to tables", do="leave the column options out")
            return load_folder(path, group=group, time=time)
        if path.suffix.lower() not in TABLES:
            raise DataError(f"{path} is no folder and no table", expected=f"a folder, or a file {', '.join(TABLES)}")
        return load_table(path, on_missing=on_missing, **columns)
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return load_arrays(data[0], data[1], group=group, time=time)
    raise DataError(
        f"data of type {type(data).__name__}",
        expected="a folder, a CSV, TSV or Parquet file, a DataFrame, (images, labels), or a Dataset",
    )


def load_unlabelled(inputs: Any) -> tuple[Sample, ...]:
    """Images to answer for: files, folders (all images below them), PIL images, arrays, bytes, or a mix in a sequence.

    An array is one image (H, W) or (H, W, C) with C of 1, 3 or 4, or a stack; one image of other bands goes in a list.
    The id of a file is its path as it was given; a file that is missing or damaged is found when it is read.

    Raises:
        DataError: nothing was given, a folder holds no image, or a thing is no image.

    >>> [s.id for s in load_unlabelled(["photos/a.jpg", np.zeros((8, 8), np.uint8)])]
    ['photos/a.jpg', 'row-1']
    """
    samples: list[Sample] = []
    for row, item in enumerate(_items(inputs)):
        if isinstance(item, Sample):
            samples.append(item)
        elif isinstance(item, (str, Path)) and _is_folder(Path(item)):
            samples += _below(Path(item))
        else:
            source = as_source(item)
            samples.append(Sample(source.as_posix() if isinstance(source, Path) else f"row-{row}", source))
    if not samples:
        raise DataError("no input was given", expected="image files, a folder of them, or images in memory")
    return tuple(samples)


def _items(inputs: Any) -> Sequence[Any]:
    if isinstance(inputs, np.ndarray):
        one = inputs.ndim == 2 or (inputs.ndim == 3 and inputs.shape[2] in (1, 3, 4))
        return [inputs] if one else as_sources(inputs)
    return list(inputs) if isinstance(inputs, Sequence) and not isinstance(inputs, (str, bytes)) else [inputs]


def _below(folder: Path) -> list[Sample]:
    images = sorted(walk(folder).images, key=lambda path: natural(path.relative_to(folder).as_posix()))
    if not images:
        raise DataError(f"no image lies below {folder}", expected="image files", do="check the folder, or name files")
    return [Sample(path.as_posix(), path) for path in images]


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


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long: the reader says so, and the other inputs are answered
        return False


def _is_frame(data: Any) -> TypeGuard[pd.DataFrame]:
    """Whether it is a DataFrame, without importing pandas for those who have none."""
    return type(data).__name__ == "DataFrame" and type(data).__module__.startswith("pandas")
