"""Which reader reads what: files by their endings, folders by what lies in them, all else in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.names import clean
from warmstart.data.sources.arrays import label_cells
from warmstart.data.sources.labels import as_text
from warmstart.data.sources.series.arff import read_arff
from warmstart.data.sources.series.arrays import as_series_list, channels_second, parts_of, read_npy, read_npz
from warmstart.data.sources.series.folder import SERIES, array_files, part_files, read_each, read_parts
from warmstart.data.sources.series.recording import Asked, Recording, Recordings
from warmstart.data.sources.series.recordingfile import read_recording
from warmstart.data.sources.series.table import read_series_table
from warmstart.data.sources.series.telling import headless
from warmstart.data.sources.series.ts import read_ts
from warmstart.data.sources.series.tsf import read_tsf
from warmstart.data.sources.series.ucr import read_ucr
from warmstart.data.sources.times import as_times
from warmstart.data.sources.walk import below
from warmstart.errors import DataError

_READERS = {".ts": read_ts, ".arff": read_arff, ".tsf": read_tsf}


def read_recordings(data: Any, asked: Asked, notes: list[str]) -> Recordings:
    """All series of a source, as they are stored. Raises `DataError`: what was found, what was expected."""
    if isinstance(data, tuple):
        series, labels = data
        return _in_memory(series, labels, asked, notes)
    if isinstance(data, Path) and data.is_dir():
        return _folder(data, asked, notes)
    return read_file(data, asked, notes)


def read_file(source: Any, asked: Asked, notes: list[str]) -> Recordings:
    """All series of a file, or of a table in memory."""
    ending = source.suffix.lower() if isinstance(source, Path) else ""
    reader = _READERS.get(ending)
    plain = reader is not None or ending in (".npz", ".npy") or headless(source)
    if plain and (named := [key for key in ("label_column", "group", "time") if getattr(asked, key) is not None]):
        raise DataError(f"{named[0]} is given for {clean(source.name)}, which has no columns with names", "a table")
    if reader is not None:
        return reader(source, notes)
    if ending == ".npz":
        return _arrays(read_npz(source, notes), asked, notes)
    if ending == ".npy":
        array = read_npy(source)
        if not asked.labelled:
            return _unlabelled(array, source.name, notes)
        raise DataError(
            f"{source} holds series without labels",
            expected="a file .npz with X and y, or a folder with X.npy and y.npy",
        )
    return read_ucr(source, notes) if plain else read_series_table(source, asked, notes)


def _folder(root: Path, asked: Asked, notes: list[str]) -> Recordings:
    if named := part_files(root, notes):
        return read_parts(named, lambda path: read_file(path, asked, notes))
    if arrays := array_files(root):
        return _arrays(parts_of({p.stem: read_npy(p) for p in arrays}, str(root), notes), asked, notes)
    alone = [path for path in below(root) if path.suffix.lower() in SERIES]
    if len(alone) == 1:
        notes.append(f"{clean(alone[0].name)} is read, the only file of series in the folder")
        return read_file(alone[0], asked, notes)
    if alone and not asked.labelled:
        read = [(path, read_file(path, asked, notes)) for path in alone]
        found = [dataclasses.replace(r, id=f"{path.as_posix()} {r.id}") for path, of in read for r in of.found]
        return Recordings(found, ())
    if alone:
        raise DataError(
            f"{clean(str(root))} holds {len(alone)} files of series, such as {clean(alone[0].name)}",
            expected="NAME_TRAIN.ts and NAME_TEST.ts, or the like",
            do="name one of the files",
        )
    return read_each(root, asked, notes, lambda path, name: read_recording(path, name, asked, notes))


def _in_memory(series: Any, labels: Any, asked: Asked, notes: list[str]) -> Recordings:
    array = channels_second(series, "the data", notes) if isinstance(series, np.ndarray) else series
    found = as_series_list(array)
    cells = label_cells(labels, asked.task, "series")
    n = len(cells.places)
    groups = [None] * n if asked.group is None else [as_text(of) or None for of in asked.group]
    moments = None if asked.time is None else [as_text(at) for at in asked.time]
    counts = {"series": len(found), "labels": n, "groups": len(groups), "times": n if moments is None else len(moments)}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        raise DataError(told, expected="as many labels as series, in their order")
    times = [None] * n if moments is None else as_times(moments, notes)
    rows = zip(found, zip(*cells.columns, strict=True), groups, times, strict=True)
    return Recordings(
        [_labelled(i, one, row, of, at, asked) for i, (one, row, of, at) in enumerate(rows)],
        cells.names,
    )


def _labelled(row: int, series: Any, labels: tuple[Any, ...], group: str | None, time: Any, asked: Asked) -> Recording:
    """A recording; a list of as many labels as it has steps is one for each, where windows are cut."""
    steps = None
    if asked.reading.window is not None and len(labels) == 1 and np.ndim(labels[0]) == 1:
        if len(labels[0]) != series.steps:
            raise DataError(f"position {row}: {series.steps} steps, {len(labels[0])} labels", "a label for each step")
        steps, labels = [as_text(label) for label in labels[0]], (None,)
    return Recording(f"row-{row}", f"position {row}", series, labels, steps, group=group, time=time)


def _arrays(parts: Any, asked: Asked, notes: list[str]) -> Recordings:
    found: list[Recording] = []
    names: tuple[str, ...] = ()
    for part, series, labels in parts:
        if labels is None or not asked.labelled:
            read = _unlabelled(series, "the file", notes)
        else:
            read = _in_memory(series, labels, dataclasses.replace(asked, group=None, time=None), notes)
            names = read.label_names
        prefix = f"{part}/" if part else ""
        found += [dataclasses.replace(one, id=f"{prefix}{one.id}", split=part) for one in read.found]
    return Recordings(found, names)


def _unlabelled(array: Any, called: str, notes: list[str]) -> Recordings:
    """The series of an array; one (steps,) is one series."""
    whole = array[None] if array.ndim == 1 else channels_second(array, called, notes)
    return Recordings([Recording(f"row-{i}", f"position {i}", one) for i, one in enumerate(as_series_list(whole))], ())
