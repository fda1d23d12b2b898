"""Series of any form as a data set: read, cut into windows, checked, and their labels understood."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.anomalies import NORMAL
from warmstart.data.names import clean, some, unique
from warmstart.data.parts import check_parts
from warmstart.data.schema import Dataset, Sample
from warmstart.data.sources.answers import read_answers, target_of
from warmstart.data.sources.arrays import label_cells
from warmstart.data.sources.labels import LabelCells, as_text
from warmstart.data.sources.rows import OnMissing
from warmstart.data.sources.series.arff import read_arff
from warmstart.data.sources.series.arrays import as_series_list, channels_second, read_npy, read_npz
from warmstart.data.sources.series.folder import part_files, read_parts
from warmstart.data.sources.series.recording import UNSAID, Reading, Recording, Recordings
from warmstart.data.sources.series.ts import read_ts
from warmstart.data.sources.series.tsf import read_tsf
from warmstart.data.sources.series.ucr import read_ucr
from warmstart.data.sources.series.values import ended
from warmstart.data.sources.times import as_times
from warmstart.data.targets import TaskName
from warmstart.errors import DataError


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the user says of the samples, as `warmstart.data.sources.load` has it."""

    label_column: str | None = None
    group: Any = None
    time: Any = None
    task: TaskName | None = None
    reading: Reading = UNSAID


def load_series(
    data: Any,
    *,
    label_column: str | None = None,
    group: Any = None,
    time: Any = None,
    on_missing: OnMissing = "error",
    task: TaskName | None = None,
    reading: Reading = UNSAID,
) -> Dataset:
    """Labelled series in any form, as samples whose source is a `Series`.

    Args:
        data: a file .ts, .arff or .npz; a table; a folder; `(series, labels)` in memory.
        label_column: as `warmstart.data.sources.load` has it.
        group: likewise.
        time: likewise.
        on_missing: "skip" leaves out series whose label is missing.
        task: that the labels pose; by default what the file says, or what they are.
        reading: how they are read.

    Raises:
        DataError: what was found, what was expected, what to do.

    >>> data = load_series((np.arange(12.0).reshape(4, 3), ["up", "down", "up", "down"]))
    >>> data.kind, data.counts, data.samples[0].source.values.tolist()
    ('series', {'down': 2, 'up': 2}, [[0.0, 1.0, 2.0]])
    """
    notes: list[str] = []
    asked = Asked(label_column, group, time, task, reading)
    recordings = finished(read_recordings(data, asked, notes), asked, notes)
    if not recordings.label_names and task == "anomaly":
        found = [dataclasses.replace(one, labels=(NORMAL,)) for one in recordings.found]
        recordings = dataclasses.replace(recordings, found=found, label_names=("label",))
    if not recordings.label_names:
        raise DataError(f"{_called(data)} holds series without labels", expected="a label for each series")
    found, places = recordings.found, [one.place for one in recordings.found]
    columns = [list(column) for column in zip(*(one.labels for one in found), strict=True)]
    answers = read_answers(LabelCells(columns, recordings.label_names, places), task or recordings.task, notes)
    kept = [i for i, label in enumerate(answers.labels) if label is not None]
    if len(kept) < len(found):
        missing = [place for place, label in zip(places, answers.labels, strict=True) if label is None]
        if on_missing == "error" or not kept:
            raise DataError(
                f"{len(missing)} of {len(found)} series have no label: {some(missing, 3)}",
                expected="a label for each series",
                do="leave these out with on_missing='skip'",
            )
        notes.append(f"{len(missing)} series have no label and are left out: {some(missing, 3)}")
    samples = as_samples([dataclasses.replace(found[i], labels=(answers.labels[i],)) for i in kept])
    target = target_of(answers, [sample.label for sample in samples], notes)
    root = data if isinstance(data, Path) and data.is_dir() else data.parent if isinstance(data, Path) else None
    dataset = Dataset(samples, target, _called(data), root, tuple(dict.fromkeys(notes)))
    check_parts(dataset)
    return dataset


def read_recordings(data: Any, asked: Asked, notes: list[str]) -> Recordings:
    """All series of a source, as they are stored."""
    if isinstance(data, tuple):
        return _in_memory(*data, asked, notes)
    if isinstance(data, Path) and data.is_dir():
        if named := part_files(data, notes):
            return read_parts(named, lambda path: read_file(path, asked, notes))
        raise DataError(f"{data} holds no series", expected="NAME_TRAIN.ts and NAME_TEST.ts, or a folder per class")
    return read_file(data, asked, notes)


def read_file(path: Path, asked: Asked, notes: list[str]) -> Recordings:
    """All series of a file."""
    ending = path.suffix.lower()
    if ending == ".ts":
        return read_ts(path, notes)
    if ending == ".arff":
        return read_arff(path, notes)
    if ending == ".tsf":
        return read_tsf(path, notes)
    if ending == ".npz":
        return _npz(path, asked, notes)
    if ending == ".npy":
        array = channels_second(read_npy(path), path.name, notes)
        return Recordings([Recording(f"row-{i}", f"position {i}", s) for i, s in enumerate(as_series_list(array))], ())
    return read_ucr(path, notes)


def finished(recordings: Recordings, asked: Asked, notes: list[str]) -> Recordings:
    """The recordings as series of one number of channels, with what is said of all of them; cut into windows.

    Raises:
        DataError: some have another number of channels than others.
    """
    found = recordings.found
    if recordings.padded:
        found = _without_padding(found, notes)
    if asked.reading.rate is not None:
        found = [dataclasses.replace(r, series=dataclasses.replace(r.series, rate=asked.reading.rate)) for r in found]
    same_channels(found)
    return dataclasses.replace(recordings, found=found)


def same_channels(found: Sequence[Recording]) -> None:
    """Raise `DataError` that names the first series with another number of channels, or others, than most have."""
    numbers = [one.series.channels for one in found]
    usual = int(np.bincount(numbers).argmax())
    other = next((one for one in found if one.series.channels != usual), None)
    if other is not None:
        raise DataError(
            f"{other.place} has {other.series.channels} channel(s), and most series have {usual}",
            expected="the same channels in every series",
            do="leave out the series or the channels that not all have",
        )
    first = found[0]
    renamed = next((one for one in found if one.series.names != first.series.names), None)
    if renamed is not None:
        raise DataError(
            f"{renamed.place} has the channels {', '.join(renamed.series.names)}, and {first.place} has "
            f"{', '.join(first.series.names)}",
            expected="the same channels in every series, in one order",
            do="name them with value_columns (--value-columns)",
        )


def as_samples(found: Sequence[Recording]) -> tuple[Sample, ...]:
    """A sample for each; `labels` hold the label as it is understood, or nothing."""
    ids = unique([clean(one.id) for one in found])
    return tuple(
        Sample(i, one.series, one.labels[0] if one.labels else None, one.group, one.split, one.time)
        for i, one in zip(ids, found, strict=True)
    )


def _without_padding(found: list[Recording], notes: list[str]) -> list[Recording]:
    cut = [dataclasses.replace(one.series, values=ended(one.series.values)) for one in found]
    shorter = sum(short.steps < one.series.steps for short, one in zip(cut, found, strict=True))
    if not shorter:
        return found
    notes.append(f"{shorter} series end with missing values, which are taken as padding: each ends at its last value")
    return [dataclasses.replace(one, series=series) for one, series in zip(found, cut, strict=True)]


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
        [Recording(f"row-{i}", f"position {i}", s, row, None, of, None, at) for i, (s, row, of, at) in enumerate(rows)],
        cells.names,
    )


def _npz(path: Path, asked: Asked, notes: list[str]) -> Recordings:
    found: list[Recording] = []
    names: tuple[str, ...] = ()
    for part, series, labels in read_npz(path, notes):
        if labels is None:
            found += [Recording(f"row-{i}", f"position {i}", one) for i, one in enumerate(as_series_list(series))]
            continue
        read = _in_memory(series, labels, dataclasses.replace(asked, group=None, time=None), notes)
        names = read.label_names
        prefix = f"{part}/" if part else ""
        found += [dataclasses.replace(one, id=f"{prefix}{one.id}", split=part) for one in read.found]
    return Recordings(found, names)


def _called(data: Any) -> str:
    if isinstance(data, Path):
        return clean(data.resolve().stem if data.is_file() else data.resolve().name)
    return "arrays" if isinstance(data, tuple) else "table"
