"""Looking into folders of the user's: nothing is opened, nothing is changed, loops of links end."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from warmstart.data.names import clean, hidden, is_image, natural
from warmstart.errors import DataError


@dataclasses.dataclass(frozen=True)
class Found:
    """What lies below a folder, in natural order of the names."""

    images: tuple[Path, ...]
    others: tuple[Path, ...]
    """Files that are no images by their name, and links that lead nowhere."""


def entries(place: Path) -> tuple[list[Path], list[Path]]:
    """(folders, files) directly in a folder, without hidden ones. Raises `DataError` if it cannot be listed."""
    try:
        found = [Path(entry.path) for entry in os.scandir(place) if not hidden(entry.name)]
        folders = [path for path in found if path.is_dir()]
    except OSError as error:
        raise DataError(
            f"the folder {clean(str(place))} cannot be listed: {error.strerror}",
            expected="a folder that can be read",
            do="check its permissions and the length of its path",
        ) from error
    files = [path for path in found if path not in set(folders)]
    return sorted(folders, key=lambda p: natural(p.name)), sorted(files, key=lambda p: natural(p.name))


def walk(folder: Path) -> Found:
    """Everything below a folder, however deep. Links are followed; a folder is entered once, so loops end."""
    images: list[Path] = []
    others: list[Path] = []
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
        for path in files:
            (images if is_image(path.name) and path.is_file() else others).append(path)
    return Found(tuple(images), tuple(others))


EXPECTED = """DATA/           or DATA/
  cats/              train/
    1.jpg              cats/
    2.jpg                1.jpg
  dogs/                dogs/
    3.jpg                2.jpg
                     test/
                       cats/ ...""".splitlines()
_LINES = 14


def beside(root: Path) -> str:
    """The tree that was found in `root` beside the tree that was expected, to be shown in an error."""
    found = _tree(root)
    width = max(24, *(len(line) for line in found)) + 2
    rows = [("found", "expected"), *((found + [""] * 99)[i : i + 1] + EXPECTED[i : i + 1] for i in range(_LINES))]
    lines = [f"  {row[0]:<{width}}{row[1] if len(row) > 1 else ''}".rstrip() for row in rows]
    return "\n".join(lines[: max(len(found), len(EXPECTED)) + 1])


def _tree(root: Path) -> list[str]:
    """Two levels of folders with the number of files in each; at most `_LINES` lines of at most 48 characters."""
    lines = [f"{clean(root.resolve().name)}/"]

    def add(place: Path, depth: int) -> None:
        folders, files = entries(place)
        for folder in folders:
            inner_folders, inner_files = entries(folder)
            held = sum(is_image(path.name) for path in inner_files)
            count = f"  ({held} images)" if held else "" if inner_folders else "  (no image)"
            lines.append(f"{'  ' * depth}{_short(folder.name)}/{count}")
            if depth < 2:
                add(folder, depth + 1)
        images = [path for path in files if is_image(path.name)]
        lines.extend(f"{'  ' * depth}{_short(path.name)}" for path in (images or files)[:1])
        if len(files) > 1:
            lines.append(f"{'  ' * depth}... {len(files)} files")

    add(root, 1)
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"... {len(lines) - _LINES + 1} more"]


def _short(name: str) -> str:
    text = clean(name)
    return text if len(text) <= 28 else f"{text[:27]}…"
