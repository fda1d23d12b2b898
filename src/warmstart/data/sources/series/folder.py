"""Folders of series: NAME_TRAIN and NAME_TEST of one format, or a folder per class with a file for each recording."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

from warmstart.data.names import PARTS, FileKind, clean, some
from warmstart.data.schema import Sample, SplitName
from warmstart.data.sources.folder import load_folder
from warmstart.data.sources.series.arrays import INPUTS, LABELS, bare_name
from warmstart.data.sources.series.recording import Asked, Recording, Recordings
from warmstart.data.sources.walk import entries, walk
from warmstart.errors import DataError

SERIES = (".ts", ".tsf", ".arff", ".npz")
"""Endings of files that hold nothing but series."""
RECORDINGS = FileKind("recording", frozenset({".csv", ".tsv", ".txt", ".npy", ".parquet", ".pq"}))
"""Files of one recording each."""
_PART = re.compile(r"(?:(.*)[_-])?(" + "|".join(PARTS) + ")", re.IGNORECASE)
_FORMS = (".ts", ".tsv", ".csv", ".txt", ".arff", ".npz")
"""Of a set of series in several formats, the first is read."""

Named = dict[SplitName, Path]


def part_files(root: Path, notes: list[str] | None = None) -> Named:
    """The files NAME_TRAIN, NAME_TEST, ... of a folder by their part; empty if there is no such pair.

    `notes` gets what other files are passed over.

    Raises:
        DataError: there are several sets, and none is called like the folder.
    """
    sets: dict[tuple[str, str], Named] = {}
    for path in entries(root)[1]:
        found = _PART.fullmatch(path.stem)
        if found is not None and path.suffix.lower() in _FORMS:
            sets.setdefault((found[1] or "", path.suffix.lower()), {})[PARTS[found[2].lower()]] = path
    sets = {key: named for key, named in sets.items() if len(named) > 1}
    names = list(dict.fromkeys(name for name, _ in sets))
    if not names:
        return {}
    if len(names) > 1 and root.resolve().name not in names:
        raise DataError(
            f"{root} holds several sets: {some(names)}",
            expected="one set with its parts",
            do="give each its own folder",
        )
    name = names[0] if len(names) == 1 else root.resolve().name
    form = min((form for of, form in sets if of == name), key=_FORMS.index)
    there = sets[name, form]
    chosen = {part: there[part] for part in dict.fromkeys(PARTS.values()) if part in there}
    others = [clean(path.name) for path in entries(root)[1] if path not in chosen.values()]
    if others and notes is not None:
        notes.append(
            f"{', '.join(p.name for p in chosen.values())} are read; other files are passed over: {some(others)}"
        )
    return chosen


def read_parts(named: Named, read: Callable[[Path], Recordings]) -> Recordings:
    """The series of all parts, each as `read` reads it."""
    parts = {part: (path, read(path)) for part, path in named.items()}
    found = [
        dataclasses.replace(one, id=f"{clean(path.stem)}/{one.id}", split=part)
        for part, (path, recordings) in parts.items()
        for one in recordings.found
    ]
    first = next(iter(parts.values()))[1]
    return dataclasses.replace(first, found=found)


def array_files(root: Path) -> list[Path]:
    """The files X.npy and y.npy, or X_train.npy and so on, of a folder; empty if there are no such."""
    files = [path for path in entries(root)[1] if path.suffix.lower() == ".npy"]
    names = {bare_name(path.stem) for path in files}
    return files if names & {*INPUTS} and names & {*LABELS} else []


def read_each(root: Path, asked: Asked, notes: list[str], read: Callable[[Path, str], Recording]) -> Recordings:
    """The recordings in the folders of classes, a file each, or without labels in all folders below.

    A file that cannot be read is told in a note, and is among `lost`.

    Raises:
        DataError: as of `load_folder`, or that of the first file if none can be read.
    """
    if asked.labelled:
        task = None if asked.task == "regress" else asked.task  # the names are understood later
        folder = load_folder(root, group=asked.group, time=asked.time, kind=RECORDINGS, task=task)
        notes += folder.notes
        samples = folder.samples
    else:
        files = walk(root, RECORDINGS).files
        samples = tuple(Sample(path.relative_to(root).as_posix(), path) for path in files)
    if not samples:
        raise DataError(
            f"no recording lies below {clean(str(root))}", expected="files .csv, .npy, .parquet and the like"
        )
    found: list[Recording] = []
    lost: list[Sample] = []
    errors: list[DataError] = []
    for sample in samples:
        try:
            one = read(sample.source, sample.id)
        except DataError as error:
            lost.append(sample)
            errors.append(error)
            continue
        labels = (sample.label,) if asked.labelled else ()
        found.append(dataclasses.replace(one, place=sample.id, labels=labels, group=sample.group, split=sample.split))
    if not found:
        raise errors[0]
    if lost:
        notes.append(f"{len(lost)} file(s) cannot be read: {some([error.found for error in errors], 3)}")
    return Recordings(found, ("label",) if asked.labelled else (), padded=False, lost=tuple(lost))
