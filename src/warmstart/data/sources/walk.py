"""Looking into folders of the user's: nothing is opened, nothing is changed, loops of links end."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from warmstart.data.names import IMAGES, TEXTS, FileKind, clean, hidden, natural
from warmstart.errors import DataError


@dataclasses.dataclass(frozen=True)
class Found:
    """What lies below a folder, in natural order of the names."""

    files: tuple[Path, ...]
    """Those of the kind that was looked for, by their name."""
    others: tuple[Path, ...]
    """All others, and links that lead nowhere."""


def entries(place: Path) -> tuple[list[Path], list[Path]]:
    """(folders, files) directly in a folder, without hidden ones. Raises `DataError` if it cannot be listed."""
    try:
        found = [Path(entry.path) for entry in os.scandir(place) if not hidden(entry.name)]
        folders = [path for path in found if path.is_dir()]
    except OSError as error:
        raise _unlistable(place, error) from error
    files = [path for path in found if path not in set(folders)]
    return sorted(folders, key=lambda p: natural(p.name)), sorted(files, key=lambda p: natural(p.name))


def walk(folder: Path, kind: FileKind = IMAGES) -> Found:
    """Everything below a folder, however deep. Links are followed; a folder is entered once, so loops end."""
    found: list[Path] = []
    others: list[Path] = []
    for path in below(folder):
        (found if kind.names(path.name) and path.is_file() else others).append(path)
    return Found(tuple(found), tuple(others))


def below(folder: Path) -> Iterator[Path]:
    """Each file that `walk` finds, as it is found."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        stat = place.stat()
        if (stat.st_dev, stat.st_ino) in seen:
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders, files = entries(place)
        waiting += reversed(folders)
        yield from files


def in_order(folder: Path, kind: FileKind | None = None, *, depth: int | None = None) -> Iterator[Path]:
    """The files below a folder (of a kind), names in natural order, each found when it is asked for.

    Hidden ones are passed over, links are followed, and a folder is entered once. What is held are the names in the
    folders that lead to a file. `depth` is how many levels are looked into, by default all.

    Raises:
        DataError: a folder cannot be listed.
    """
    return _in_order(folder, kind, depth, set())


def _in_order(place: Path, kind: FileKind | None, depth: int | None, seen: set[tuple[int, int]]) -> Iterator[Path]:
    if depth == 0:
        return
    try:
        stat = place.stat()
        if (stat.st_dev, stat.st_ino) in seen:
            return
        seen.add((stat.st_dev, stat.st_ino))
        found = {entry.name: entry.is_dir() for entry in os.scandir(place) if not hidden(entry.name)}
    except OSError as error:
        raise _unlistable(place, error) from error
    for name in sorted(found, key=natural):
        path = place / name
        if found[name]:
            yield from _in_order(path, kind, None if depth is None else depth - 1, seen)
        elif kind is None or kind.names(name):
            yield path


def _unlistable(place: Path, error: OSError) -> DataError:
    return DataError(
        f"the folder {clean(str(place))} cannot be listed: {error.strerror}",
        expected="a folder that can be read",
        do="check its permissions and the length of its path",
    )


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; false for a name that is too long to be one."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Whether there is such a file; false for a name that is too long, or has a zero byte."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


EXPECTED = """DATA/           or DATA/
  cats/              train/
    1.jpg              cats/
    2.jpg                1.jpg
  dogs/                dogs/
    3.jpg                2.jpg
                     test/
                       cats/ ..."""
_LINES = 14


def beside(root: Path, kind: FileKind = IMAGES) -> str:
    """The tree that was found in `root` beside the tree that was expected, to be shown in an error."""
    found, expected = _tree(root, kind), EXPECTED.splitlines()
    if kind is TEXTS:
        expected = [line.replace("cats", "spam").replace("dogs", "mail").replace(".jpg", ".txt") for line in expected]
    width = max(24, *(len(line) for line in found)) + 2
    rows = [("found", "expected"), *((found + [""] * 99)[i : i + 1] + expected[i : i + 1] for i in range(_LINES))]
    lines = [f"  {row[0]:<{width}}{row[1] if len(row) > 1 else ''}".rstrip() for row in rows]
    return "\n".join(lines[: max(len(found), len(expected)) + 1])


def _tree(root: Path, kind: FileKind) -> list[str]:
    """Two levels of folders with the number of files in each; at most `_LINES` lines of at most 48 characters."""
    lines = [f"{clean(root.resolve().name)}/"]

    def add(place: Path, depth: int) -> None:
        folders, files = entries(place)
        for folder in folders:
            inner_folders, inner_files = entries(folder)
            held = sum(kind.names(path.name) for path in inner_files)
            count = f"  ({held} {kind.noun}s)" if held else "" if inner_folders else f"  (no {kind.noun})"
            lines.append(f"{'  ' * depth}{_short(folder.name)}/{count}")
            if depth < 2:
                add(folder, depth + 1)
        wanted = [path for path in files if kind.names(path.name)]
        lines.extend(f"{'  ' * depth}{_short(path.name)}" for path in (wanted or files)[:1])
        if len(files) > 1:
            lines.append(f"{'  ' * depth}... {len(files)} files")

    add(root, 1)
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"... {len(lines) - _LINES + 1} more"]


def _short(name: str) -> str:
    text = clean(name)
    return text if len(text) <= 28 else f"{text[:27]}…"
