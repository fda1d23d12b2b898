"""What is surely of series: by the names of files and columns, and by first lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warmstart.data.names import IMAGES, TEXTS
from warmstart.data.sources.columns import LABELS, known_as
from warmstart.data.sources.labels import as_text
from warmstart.data.sources.reading import TABLES, head
from warmstart.data.sources.series.arrays import read_npy
from warmstart.data.sources.series.columns import of_lists
from warmstart.data.sources.series.folder import RECORDINGS, SERIES, array_files, part_files
from warmstart.data.sources.series.roles import IDS, STEPS, TIMES, numbered
from warmstart.data.sources.series.ucr import ENDINGS, divided, is_headless
from warmstart.data.sources.series.values import is_number, mostly_numbers
from warmstart.data.sources.textfile import first_line
from warmstart.data.sources.walk import below, is_file
from warmstart.errors import DataError

ALONE = (*SERIES, ".npy")
"""Endings of files that hold series, given by themselves; in folders `.npy` are images, unless they are (steps,)."""
_LOOKED_AT = 20
"""Columns."""


def headless(source: Any) -> bool:
    """Whether it is a table in a file, without a header and of numbers."""
    return (
        isinstance(source, Path)
        and source.suffix.lower() in ENDINGS
        and is_file(source)
        and is_headless(first_line(source))
    )


def folder_of_series(folder: Path) -> bool:
    """Whether a folder holds files of series, two parts of a set of them, or nothing but recordings."""
    try:
        named = part_files(folder)
    except DataError:
        return True  # several sets: whoever reads it says so
    if any(path.suffix.lower() in SERIES or headless(path) or _table_file(path) for path in named.values()):
        return True
    if array_files(folder):
        return True
    recordings = 0
    for path in below(folder):
        if path.suffix.lower() in SERIES:
            return True
        if (IMAGES.names(path.name) or TEXTS.names(path.name)) and not _is_recording(path):
            return False
        recordings += RECORDINGS.names(path.name) and path.parent != folder
    return recordings > 0


def _is_recording(path: Path) -> bool:
    """Whether a text or an array, of which images and texts may be files too, is surely a recording."""
    if path.suffix.lower() == ".txt":
        return all(map(is_number, divided(first_line(path)))) and bool(first_line(path))
    if path.suffix.lower() == ".npy":
        return read_npy(path).ndim == 1
    return False


def _table_file(path: Path) -> bool:
    return path.suffix.lower() in TABLES and table_of_series(*head(path))


def table_of_series(header: Sequence[str], table: Sequence[Sequence[Any]]) -> bool:
    """Whether the columns are those of series: lists of numbers, steps that are numbered, or times beside numbers."""
    if any(of_lists([row[i] for row in table], STEPS) for i in range(len(header))):
        return True
    run = [name for columns in numbered(header).values() for name in columns]
    times = known_as(header, TIMES)
    others = [name for name in header if name != times and known_as([name], (*IDS, *LABELS)) is None]
    wanted = run or (others if times else [])
    return any(mostly_numbers([as_text(row[header.index(name)]) for row in table]) for name in wanted[:_LOOKED_AT])
