"""Names of files with `*`, `?`, `[...]` and `**`, found one after the other as a shell would, but sorted and lazily."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from warmstart.data.sources.walk import in_order

_MAGIC = re.compile(r"[*?[]")


def is_pattern(text: str) -> bool:
    """Whether a string has what a pattern has, and names no file as it is.

    >>> is_pattern("scans/**/*.png"), is_pattern("scans/1.png")
    (True, False)
    """
    return _MAGIC.search(text) is not None and not os.path.lexists(text)


def matching(pattern: str) -> Iterator[Path]:
    """The files that a pattern names, in natural order; folders, and hidden files, are none.

    `**` stands for any number of folders, `*` for anything within a name.
    """
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if _MAGIC.search(part))
    root, rest = Path(*parts[:fixed]), (*parts[fixed:], *(["*"] if parts[-1] == "**" else []))
    whole = re.compile("/".join(map(_part, rest)).replace("(?:[^/]+/)*/", "(?:[^/]+/)*"))
    depth = None if "**" in rest else len(rest)
    if not root.is_dir():
        return
    for path in in_order(root, depth=depth):
        if whole.fullmatch(path.relative_to(root).as_posix()):
            yield path


def _part(part: str) -> str:
    """A regular expression of one part of a pattern."""
    if part == "**":
        return "(?:[^/]+/)*"
    found, i = "", 0
    while i < len(part):
        end = part.find("]", i + 2) if part[i] == "[" else -1
        if end > 0:
            inner = part[i + 1 : end].replace("\\", r"\\")
            found += f"[{'^' + inner[1:] if inner[0] == '!' else inner}]"
            i = end
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(part[i]) or re.escape(part[i])
        i += 1
    return found
