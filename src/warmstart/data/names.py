"""The names that all sources agree on: parts of a split, what to pass over, the order of classes, text that is safe."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from warmstart.data.schema import SplitName
from warmstart.errors import MissingExtraError, WarmstartError
from warmstart.preprocess.opening import ARRAYS, EXTENSIONS, HEIC

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
"""What people call the parts, in lower case."""

_PIECES = re.compile(r"([0-9]+)|[^0-9]+")
_LITTER = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"}


def hidden(name: str) -> bool:
    """Whether a file or folder is none of the user's data: dotfiles, and what operating systems leave behind.

    >>> hidden(".ipynb_checkpoints"), hidden("Thumbs.db"), hidden("cats")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in _LITTER


@dataclasses.dataclass(frozen=True)
class FileKind:
    """What samples are files of, and how the names of these end.

    >>> IMAGES.names("cats/1.JPG"), TEXTS.names("notes.md")
    (True, True)
    """

    noun: str
    endings: frozenset[str]
    """In lower case."""

    def names(self, name: str) -> bool:
        """Whether a file name ends as that of such a file."""
        return Path(name).suffix.lower() in self.endings


IMAGES = FileKind("image", EXTENSIONS | HEIC | ARRAYS)
"""Pictures, and arrays of bands."""
TEXTS = FileKind("text", frozenset({".txt", ".md"}))


def natural(name: str) -> str:
    """Sort key in which numbers count as numbers, and case matters last; a string, of which millions can be held.

    >>> sorted(["10", "2", "b1", "B1"], key=natural)
    ['2', '10', 'B1', 'b1']
    """
    return _PIECES.sub(_keyed, name) + f"\3{name}"


def _keyed(piece: re.Match[str]) -> str:
    if piece[1] is None:
        return f"\2{piece[0].casefold()}"
    digits = piece[1].lstrip("0")
    return f"\1{chr(len(digits))}{digits}"


def clean(name: str) -> str:
    r"""A name from a file system as text that can be written, compared and shown.

    One form for what looks the same (Unicode NFC: macOS stores an é as two characters), bytes that are not UTF-8 and
    control characters replaced.

    >>> clean("caf" + "e\u0301"), clean("a\x1b[31mb")
    ('café', 'a�[31mb')
    """
    if name.isascii() and name.isprintable():  # nearly all cells of a table
        return name
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join("�" if unicodedata.category(c) == "Cc" else c for c in unicodedata.normalize("NFC", text))


def some(names: Sequence[str], n: int = 5) -> str:
    """The first `n` names, and how many more there are.

    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")


def reason(error: WarmstartError, source: object) -> str:
    """What an error found, without the path: to stand beside the id of the sample. And how to install what is missing.

    >>> reason(WarmstartError("photos/a.jpg cannot be read: truncated"), "photos/a.jpg")
    'cannot be read: truncated'
    """
    found = error.found.replace(f"{source} ", "") if isinstance(source, (str, Path)) else error.found
    return f"{found}: {error.do}" if isinstance(error, MissingExtraError) else found


def unique(ids: Sequence[str]) -> list[str]:
    """The ids, a repeated one with its count behind it.

    >>> unique(["a", "a", "b"])
    ['a', 'a (2)', 'b']
    """
    seen: set[str] = set()
    out = []
    for name in ids:
        candidate, count = name, 1
        while candidate in seen:
            count += 1
            candidate = f"{name} ({count})"
        seen.add(candidate)
        out.append(candidate)
    return out
