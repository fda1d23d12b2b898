"""Folders of series: NAME_TRAIN and NAME_TEST of one format, or a folder per class with a file for each recording."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

from warmstart.data.names import PARTS, FileKind, clean, some
from warmstart.data.schema import SplitName
from warmstart.data.sources.series.recording import Recordings
from warmstart.data.sources.walk import entries
from warmstart.errors import DataError

SERIES = (".ts", ".tsf", ".arff", ".npz")
"""Endings of files that hold nothing but series."""
RECORDINGS = FileKind("recording", frozenset({".csv", ".tsv", ".txt", ".npy", ".parquet", ".pq"}))
"""Files of one recording each."""
_PART = re.compile(r"(.*)[_-](" + "|".join(PARTS) + ")", re.IGNORECASE)
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
            sets.setdefault((found[1], path.suffix.lower()), {})[PARTS[found[2].lower()]] = path
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
