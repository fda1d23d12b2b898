"""The names that all sources agree on: parts of a split, files to pass over, an order of classes people expect."""

from __future__ import annotations

import re
from pathlib import Path

from warmstart.data.schema import SplitName
from warmstart.preprocess.reader import EXTENSIONS, HEIC

PARTS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}


def hidden(path: Path) -> bool:
    """Whether a file or folder is none of the user's data: dotfiles and what operating systems leave behind."""
    return path.name.startswith(".") or path.name.lower() in _LITTER


def is_image(path: Path) -> bool:
    """Whether the file's ending is that of an image."""
    return path.suffix.lower() in EXTENSIONS | HEIC


def natural(name: str) -> tuple[object, ...]:
    """Sort key in which numbers count as numbers.

    >>> sorted(["10", "2", "b1"], key=natural)
    ['2', '10', 'b1']
    """
    parts = re.split(r"(\d+)", name)
    return (*((0, int(p), "") if p.isdigit() else (1, 0, p.casefold()) for p in parts if p), (2, 0, name))
