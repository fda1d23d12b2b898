"""What is surely of series: by the names of files and columns, and by first lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warmstart.data.names import IMAGES, TEXTS
from warmstart.data.sources.series.folder import RECORDINGS, SERIES, part_files
from warmstart.data.sources.series.ucr import ENDINGS, is_headless
from warmstart.data.sources.textfile import ENCODINGS
from warmstart.data.sources.walk import below, is_file
from warmstart.errors import DataError

ALONE = (*SERIES, ".npy")
"""Endings of files that hold series, given by themselves; in folders `.npy` are images, unless they are (steps,)."""
_FIRST_LINE = 1 << 16


def headless(source: Any) -> bool:
    """Whether it is a table in a file, without a header and of numbers."""
    return (
        isinstance(source, Path)
        and source.suffix.lower() in ENDINGS
        and is_file(source)
        and is_headless(first_line(source))
    )


def first_line(path: Path) -> str:
    """The first line of a text file that is not blank, or the beginning of it; empty if it is no text in UTF-8."""
    with path.open("rb") as file:
        begin = file.read(_FIRST_LINE)
    try:
        text = begin.decode(ENCODINGS[0], "strict" if len(begin) < _FIRST_LINE else "ignore")
    except UnicodeDecodeError:
        return ""
    return next((line for line in text.splitlines() if line.strip()), "")


def folder_of_series(folder: Path) -> bool:
    """Whether a folder holds files of series, two parts of a set of them, or nothing but recordings."""
    try:
        named = part_files(folder)
    except DataError:
        return True  # several sets: whoever reads it says so
    if any(path.suffix.lower() in SERIES or headless(path) for path in named.values()):
        return True
    recordings = 0
    for path in below(folder):
        if path.suffix.lower() in SERIES:
            return True
        if IMAGES.names(path.name) or TEXTS.names(path.name):
            return False
        recordings += RECORDINGS.names(path.name) and path.parent != folder
    return recordings > 0


def table_of_series(header: Sequence[str], table: Sequence[Sequence[Any]]) -> bool:
    """Whether the columns are those of series."""
    return False
