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
from warmstart.data.seriesreading import UNSAID, Reading
from warmstart.data.sources.answers import read_answers, target_of
from warmstart.data.sources.labels import LabelCells
from warmstart.data.sources.rows import OnMissing
from warmstart.data.sources.series.recording import Asked, Recording, Recordings
from warmstart.data.sources.series.source import read_recordings
from warmstart.data.sources.series.values import ended
from warmstart.data.sources.series.windows import windowed
from warmstart.data.sources.tasks import NONE, Kinds
from warmstart.data.targets import TaskName
from warmstart.errors import DataError

_SAME_RATE = 0.01
"""Share by which a rate that is said may differ from that of the times, which are rounded."""


def load_series(
    data: Any,
    *,
    label_column: str | None = None,
    group: Any = None,
    time: Any = None,
    on_missing: OnMissing = "error",
    task: TaskName | None = None,
    kinds: Kinds = NONE,
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
        kinds: of several tasks, what each column poses.
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
    answers = read_answers(LabelCells(columns, recordings.label_names, places), task or recordings.task, notes, kinds)
    kept = [i for i, label in enumerate(answers.labels) if label is not None]
    if len(kept) < len(found):
        missing = [place for place, label in zip(places, answers.labels, strict=True) if label is None]
        if on_missing == "error" or not kept:
            raise DataError(
                f"{len(missing)} of {len(found)} series have no label: {some(missing, 3)}",
                expected="a label for each series",
                do=answers.mend,
            )
        notes.append(f"{len(missing)} series have no label and are left out: {some(missing, 3)}")
    samples = as_samples([dataclasses.replace(found[i], labels=(answers.labels[i],)) for i in kept])
    samples += recordings.lost
    target = target_of(answers, [sample.label for sample in samples], notes)
    root = data if isinstance(data, Path) and data.is_dir() else data.parent if isinstance(data, Path) else None
    dataset = Dataset(samples, target, _called(data), root, tuple(dict.fromkeys(notes)))
    check_parts(dataset)
    return dataset


def finished(recordings: Recordings, asked: Asked, notes: list[str]) -> Recordings:
    """The recordings as series of one number of channels, cut into windows; notes say what holds of all of them.

    Raises:
        DataError: some have another number of channels than others, or another rate than is said.
    """
    found = recordings.found
    if recordings.padded:
        found = _without_padding(found, notes)
    if asked.reading.rate is not None:
        found = [_at_rate(one, asked.reading.rate) for one in found]
    same_channels(found)
    notes += _uneven(found)
    return dataclasses.replace(recordings, found=windowed(found, asked.reading, labelled=asked.labelled, notes=notes))


def _uneven(found: Sequence[Recording]) -> list[str]:
    """A note on the series whose steps are not evenly spaced, if there are any."""
    uneven = [(one.id, one.stamps.dated, apart) for one in found if one.stamps and (apart := one.stamps.uneven)]
    if not uneven:
        return []
    shortest, longest = min(low for _, _, (low, _) in uneven), max(high for _, _, (_, high) in uneven)
    unit = " s" if all(dated for _, dated, _ in uneven) else ""
    return [
        f"the steps of {len(uneven)} series are not evenly spaced, {shortest:.4g} to {longest:.4g}{unit} apart, and "
        f"are read as if they were: {some([name for name, _, _ in uneven], 3)}"
    ]


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


def _at_rate(one: Recording, rate: float) -> Recording:
    """The recording with the rate that is said, where its times do not say another."""
    if not (rate > 0 and np.isfinite(rate)):
        raise DataError(f"the rate {rate:g}", expected="steps per second, a number above 0")
    known = one.series.rate
    if known is not None and not np.isclose(known, rate, rtol=_SAME_RATE):
        raise DataError(
            f"{one.place} has {known:.6g} steps per second by its times, and the rate {rate:g} is given",
            expected="one rate",
            do="leave the rate out",
        )
    return dataclasses.replace(one, series=dataclasses.replace(one.series, rate=rate))


def _called(data: Any) -> str:
    if isinstance(data, Path):
        return clean(data.resolve().stem if data.is_file() else data.resolve().name)
    return "arrays" if isinstance(data, tuple) else "table"
