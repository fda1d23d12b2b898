"""Whatever the user brings, as a `Dataset`. One file for each form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warmstart.data.anomalies import NORMAL, as_anomalies
from warmstart.data.schema import PLURAL, Dataset, Kind
from warmstart.data.seriesreading import Reading
from warmstart.data.sources.arrays import load_arrays
from warmstart.data.sources.folder import load_folder
from warmstart.data.sources.histories import read_histories
from warmstart.data.sources.inputs import load_inputs
from warmstart.data.sources.kind import OF_TEXTS, kind_of, refuse_mixed, require_kind
from warmstart.data.sources.reading import TABLES, is_table
from warmstart.data.sources.rows import OnMissing
from warmstart.data.sources.scenes import layout_of, load_scenes
from warmstart.data.sources.series.load import load_series
from warmstart.data.sources.series.telling import ALONE
from warmstart.data.sources.table import load_table
from warmstart.data.sources.tasks import tasks_said
from warmstart.data.sources.texts import load_texts
from warmstart.data.targets import AnomalyTarget, TaskName
from warmstart.data.windows import Asked, windows_of
from warmstart.errors import DataError

__all__ = ["OnMissing", "kind_of", "load", "load_inputs"]

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def load(
    data: Any,
    *,
    kind: Kind | None = None,
    task: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    normal: str | AnomalyTarget | None = None,
    group: Any = None,
    time: Any = None,
    on_missing: OnMissing = "error",
    forecast: Asked | None = None,
    id_column: str | None = None,
    time_column: str | None = None,
    value_columns: str | None = None,
    rate: float | None = None,
    window: int | str | None = None,
    stride: int | str | None = None,
) -> Dataset:
    """Read labelled images, texts or series in any form; no image is decoded and nothing is changed.

    Args:
        data: a folder with a folder per class (with or without train/val/test above them); a CSV, TSV, Parquet, JSON
            or JSON lines file; a DataFrame, or a `Dataset` or `DatasetDict` of Hugging Face; `(images, labels)`,
            `(texts, labels)` or `(series, labels)`; or a `Dataset`, which is returned as it is. Of series also files
            .ts, .arff, .npz, and a folder with NAME_TRAIN and NAME_TEST (docs/series-data.md); of images in which
            something is marked COCO's JSON, YOLO's `data.yaml`, VOC's XML, tables of boxes, and folders of images and
            masks (docs/scenes-data.md).
        kind: "image", "text" or "series"; without it, what `kind_of` finds.
        task: what the labels pose: "classify" (one of several classes), "multilabel" (any number of several labels),
            "regress" (numbers), "tag" (a tag for each word), "generate" (a text to be written), "anomaly" (normal or
            not; labels may be missing, and all samples are normal then), "detect" (boxes around objects), "segment" (a
            class for every pixel), "several" (a task for each column of labels) or what each of these poses,
            "species=classify,weight=regress". Without it, what is found: boxes, or else masks; lists of names are
            several labels, lists as long as those of the words are tags, many different fractions are numbers, all else
            are classes; "generate" and names in one cell ("a|b") must be said.
        path_column: column of a table that holds the paths of images, where its name does not tell.
        text_column: column of a table that holds the texts, likewise; for pairs of texts two, with a comma between.
        label_column: column of a table that holds the labels, likewise; several, with commas between them, hold 0 and 1
            each, or numbers, or else pose a task each, of which a row may lack some.
        normal: for anomalies the label of normal samples (`warmstart.data.anomalies.as_anomalies`); with it, anomalies
            are the task.
        group: what must stay in one part: column of a table; "folder", for folders below the class; for data in memory
            a sequence with an entry per sample.
        time: when each sample was taken: column of a table with numbers or dates; "exif", for a folder of photos that
            say it; for data in memory a sequence with an entry per sample. Parts are then cut by time.
        on_missing: "skip" leaves out rows of a table whose file is missing or whose label is empty, and boxes and masks
            that cannot be used.
        forecast: what is asked of series that are to be forecast; data are then as `read_histories` has them.
        id_column: of series in a table with a row per step, the column that says which series it belongs to.
        time_column: the column that says when each step was taken.
        value_columns: the columns that hold the values, with commas between them.
        rate: steps per second, where the data does not say it.
        window: cut recordings into windows of so many steps, or of a time such as "2s".
        stride: from the beginning of one window to that of the next, likewise; by default the window's length.

    Raises:
        DataError: what was found, what was expected, what to do.
    """
    posed, kinds = tasks_said(task)
    if normal is not None:
        posed = _with_normal(posed)
    label_column = label_column or ",".join(kinds) or None
    if forecast is not None and not isinstance(data, Dataset):
        named = {"id_column": id_column, "time_column": time_column, "value_columns": value_columns}
        return windows_of(read_histories(data, **named), forecast)
    reading = Reading(id_column, time_column, value_columns, rate, window, stride)
    if posed == "anomaly" and isinstance(data, tuple | list) and len(data) == 2 and data[1] is None:
        data = (data[0], [NORMAL] * len(data[0]))
    scene = posed in ("detect", "segment") or (kind in (None, "image") and layout_of(data, posed) is not None)
    if scene and not isinstance(data, Dataset):
        if isinstance(data, (str, Path)):
            _existing(Path(data))
        columns_of = {"path_column": path_column, "label_column": label_column}
        return load_scenes(data, task=posed, group=group, time=time, on_missing=on_missing, **columns_of)
    if not isinstance(data, Dataset):
        data = _source(data, columns=bool(path_column or text_column or label_column))
    if kind is None:
        kind = kind_of(data, task=posed, path_column=path_column, text_column=text_column, reading=reading)
    else:
        require_kind(data, kind, path_column=path_column, text_column=text_column, reading=reading)
    if isinstance(data, Dataset):
        if posed == "anomaly" and data.target.kind == "classify":
            return as_anomalies(data, normal)
        if posed not in (None, data.target.kind):
            raise DataError(f"the task {posed!r} for a data set whose target is of {data.target.kind!r}", "one task")
        return data
    if kind != "text" and posed in OF_TEXTS:
        raise DataError(f"the task {posed!r} for {PLURAL[kind]}", expected="'classify', 'multilabel' or 'regress'")
    if isinstance(data, tuple) and isinstance(data[0], (list, tuple)):
        refuse_mixed(data[0])
    of: dict[str, Any] = {"group": group, "time": time, "task": posed} | ({"kinds": kinds} if kinds else {})
    columns: dict[str, Any] = {"path": path_column, "text": text_column, "label": label_column}
    found = _read(data, kind, columns, on_missing, reading, of)
    return as_anomalies(found, normal) if posed == "anomaly" else found


def _with_normal(task: TaskName | None) -> TaskName:
    if task not in (None, "anomaly"):
        raise DataError(f"a normal label for the task {task!r}", "the task 'anomaly'", do="leave one of them out")
    return "anomaly"


def _read(
    data: Any, kind: Kind, columns: dict[str, Any], on_missing: OnMissing, reading: Reading, of: dict[str, Any]
) -> Dataset:
    """The data by the reader of their kind and form."""
    label = columns["label"]
    if kind == "series":
        return load_series(data, label_column=label, on_missing=on_missing, reading=reading, **of)
    if kind == "text":
        return load_texts(data, text_column=columns["text"], label_column=label, on_missing=on_missing, **of)
    if isinstance(data, tuple):
        return load_arrays(*data, **of)
    if isinstance(data, Path) and data.is_dir():
        return load_folder(data, **of)
    return load_table(data, path_column=columns["path"], label_column=label, on_missing=on_missing, **of)


def _source(data: Any, *, columns: bool) -> Any:
    """The data as a path that exists, a table in memory, or a tuple of two; `columns` of it are named."""
    if isinstance(data, (str, Path)):
        path = _existing(Path(data))
        if path.is_dir() and columns:
            raise DataError(f"{path} is a folder; columns belong to tables", do="leave the column options out")
        if not path.is_dir() and path.suffix.lower() not in (*TABLES, *ALONE):
            forms = ", ".join((*TABLES, *ALONE))
            raise DataError(f"{path} is no folder, no table and no file of series", f"a folder, or a file {forms}")
        return path
    if is_table(data):
        return data
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return tuple(data)
    raise DataError(
        f"data of type {type(data).__name__}",
        expected="a folder, a table (CSV, Parquet, JSON lines, a DataFrame), a file of series, (images, labels), "
        "(texts, labels), (series, labels), or a Dataset",
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
