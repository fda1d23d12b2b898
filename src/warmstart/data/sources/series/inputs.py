"""Series that are to be answered for, or learned from without labels: of any form, and without its labels."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.schema import Sample, Series
from warmstart.data.seriesreading import UNSAID, Reading
from warmstart.data.sources.chunks import chunks, large
from warmstart.data.sources.given import Given, Wanted
from warmstart.data.sources.reading import head, is_table
from warmstart.data.sources.series.arrays import as_series, as_series_list, channels_second
from warmstart.data.sources.series.columns import Table, of_rows, read_columns
from warmstart.data.sources.series.load import as_samples, finished
from warmstart.data.sources.series.recording import Asked, Recording, Recordings
from warmstart.data.sources.series.recordingfile import TEXTS, read_recording, recording_of, width_without_header
from warmstart.data.sources.series.roles import find_id, is_long
from warmstart.data.sources.series.source import read_recordings
from warmstart.data.sources.series.telling import headless
from warmstart.data.sources.tableinputs import kept_cells
from warmstart.errors import DataError

_TABLES = (*TEXTS, ".parquet", ".pq")
_ROWS = (*_TABLES, ".jsonl", ".ndjson")
_LARGE = 16 << 20
"""Bytes of a table that is read in parts."""


def series_inputs(
    inputs: Any, reading: Reading = UNSAID, notes: list[str] | None = None, *, channels: int | None = None
) -> tuple[Sample, ...]:
    """The series in inputs, as `warmstart.data.sources.load_inputs` has it; ids of files begin with their path.

    Args:
        inputs: one source, or a sequence of them.
        reading: how they are read.
        notes: get what had to be found out, and what is strange.
        channels: how many are wanted: a file of a table with a column for each, and none of ids, is one recording.

    Raises:
        DataError: there is none, it cannot be read, or some have other channels than others.

    >>> [s.source.values.shape for s in series_inputs(np.zeros((2, 5)))], series_inputs([[1, 2, 3]])[0].id
    ([(1, 5), (1, 5)], 'row-0')
    """
    notes = [] if notes is None else notes
    if isinstance(inputs, Sample) or (isinstance(inputs, Sequence) and any(isinstance(one, Sample) for one in inputs)):
        return (inputs,) if isinstance(inputs, Sample) else tuple(one for one in inputs if isinstance(one, Sample))
    asked = Asked(reading=reading, labelled=False)
    items = _items(inputs)
    sources = [Path(item) if isinstance(item, str) else item for item in items]
    found: list[Recording] = []
    padded = False
    for row, source in enumerate(sources):
        if not isinstance(source, Path) and not is_table(source):
            found.append(Recording(f"row-{row}", f"position {row}", as_series(source, f"position {row}")))
            continue
        if isinstance(source, Path) and not source.exists():
            raise DataError(f"there is no {source}", expected="an existing folder or file", do="check the spelling")
        read = _read(source, asked, channels, notes)
        padded |= read.padded
        prefix = "" if len(sources) == 1 else f"{source.as_posix() if isinstance(source, Path) else f'table {row}'} "
        found += [dataclasses.replace(one, id=f"{prefix}{one.id}", labels=(), split=None) for one in read.found]
    if not found:
        raise DataError("no input was given", expected="files of series, folders of them, or series in memory")
    return as_samples(finished(Recordings(found, (), padded=padded), asked, notes).found)


def series_one_by_one(inputs: Any, wanted: Wanted) -> Iterator[Given]:
    """The same series one after the other: a large table with a row for each is read some rows at a time.

    Raises:
        DataError: as `series_inputs`; or columns are to be kept, and there is no such table.
    """
    items = _items(inputs)
    path = Path(items[0]) if len(items) == 1 and isinstance(items[0], (str, Path)) else Path()
    of_rows = path.suffix.lower() in _ROWS and path.is_file() and not headless(path)
    parts = _in_parts(path, wanted) if of_rows and (wanted.keep is not None or large(path, _LARGE)) else None
    if parts is not None:
        yield from parts
        return
    if wanted.keep is not None:
        raise DataError(
            f"columns are to be kept ({wanted.keep}), and the series are not the rows of one table",
            expected="a table with a row for each series, or JSON lines",
            do="leave keep out",
        )
    for sample in series_inputs(inputs, wanted.reading, channels=wanted.channels):
        yield Given(sample)


def _in_parts(path: Path, wanted: Wanted) -> Iterator[Given] | None:
    """The series of a table that has a row for each; `None` if it has one for each step."""
    asked = Asked(reading=wanted.reading, labelled=False)
    header, rows = head(path)
    table = of_rows(header, rows, []) if rows else Table({}, 0)
    ids = find_id(table, asked)
    repeats = ids is not None and len(set(table.texts(ids))) < table.rows
    if not rows or is_long(header, asked.reading, repeats):
        return None
    return _rows_in_parts(path, wanted, asked)


def _rows_in_parts(path: Path, wanted: Wanted, asked: Asked) -> Iterator[Given]:
    number = 0
    for header, rows in chunks(path):
        found = read_recordings(of_rows(header, rows, []), asked, [])
        plain = [dataclasses.replace(one, labels=(), split=None) for one in found.found]
        samples = as_samples(finished(dataclasses.replace(found, found=plain), asked, []).found)
        kept = kept_cells(header, rows, wanted.keep)
        if len(samples) != len(rows):
            kept = [{}] * len(samples)  # windows of longer series
        for row, (sample, cells) in enumerate(zip(samples, kept, strict=True), start=number + 1):
            counted = sample.id == f"row-{row - number}"
            yield Given(dataclasses.replace(sample, id=f"row-{row}") if counted else sample, cells)
        number += len(rows)


def _read(source: Any, asked: Asked, channels: int | None, notes: list[str]) -> Recordings:
    """The series of a source; a file that has a row for each step and a column for each of `channels`, and can be no
    table with a row for each series of as many, is one recording.
    """
    alone = channels is not None and asked.reading.id_column is None and isinstance(source, Path)
    if not alone or source.suffix.lower() not in _TABLES or not source.is_file():
        return read_recordings(source, asked, notes)
    if width := width_without_header(source):
        if width != channels:
            return read_recordings(source, asked, notes)
        return Recordings([read_recording(source, source.as_posix(), asked, notes)], ())
    table = read_columns(source, notes)
    found = read_recordings(table, asked, notes)
    if any(one.series.channels == channels and one.series.steps > 1 for one in found.found):
        return found
    with contextlib.suppress(DataError):  # it is no recording
        one = recording_of(table, source.as_posix(), source, asked, [])
        return Recordings([one], ()) if one.series.channels == channels else found
    return found


def _items(inputs: Any) -> Sequence[Any]:
    """The sources, or the series of an array."""
    if isinstance(inputs, np.ndarray) and inputs.ndim > 1:
        return as_series_list(channels_second(inputs, "the inputs", []))
    one = isinstance(inputs, (str, Path, Series, np.ndarray)) or is_table(inputs) or not hasattr(inputs, "__iter__")
    if one or (len(inputs) and all(isinstance(n, (int, float)) for n in inputs)):
        return [inputs]
    return list(inputs)
