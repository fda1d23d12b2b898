"""What is wrong or odd in annotations, told together: each kind once, with where it was found.

What is wrong cannot be learned from: reading ends with an error that lists all of it, or leaves it out where the user
says so. What is odd is read as it is.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from warmstart.data.names import clean, some
from warmstart.data.sources.rows import OnMissing
from warmstart.errors import DataError

_SHOWN = 10
LEFT_OUT = "left out, since it cannot be used: "
"""How notes on what was skipped begin."""


class Told:
    """Collects what is found while annotations are read.

    >>> told = Told()
    >>> told.wrong("empty box(es)", "a.txt line 3")
    >>> told.settle("skip")
    ['left out, since it cannot be used: 1 empty box(es): a.txt line 3']
    """

    def __init__(self) -> None:
        self._wrong: dict[str, list[str]] = {}
        self._odd: dict[str, list[str]] = {}

    def wrong(self, what: str, where: str) -> None:
        """Something that cannot be used; `what` is for any number of them."""
        self._wrong.setdefault(what, []).append(where)

    def odd(self, what: str, where: str) -> None:
        """Something that is used as it is."""
        self._odd.setdefault(what, []).append(where)

    def settle(self, on_missing: OnMissing) -> list[str]:
        """Notes for the user, the worst first.

        Raises:
            DataError: something is wrong and is not to be skipped; lists all kinds of it.
        """
        wrong = _lines(self._wrong)
        if wrong and on_missing == "error":
            listed = "\n".join(f"  {line}" for line in wrong)
            raise DataError(
                f"annotations that cannot be used:\n{listed}",
                expected="boxes and masks that lie in their images, of classes that have a name",
                do="mend them, or leave them out: --on-missing skip (on_missing='skip')",
            )
        return [*(f"{LEFT_OUT}{line}" for line in wrong), *_lines(self._odd)]


def spoken(files: Iterable[Path]) -> dict[Path, str]:
    """What each file is called: its name, or where another has the same its path below the folder in which all lie.

    >>> list(spoken([Path("a/train/x.json"), Path("a/val/x.json"), Path("a/y.json")]).values())
    ['train/x.json', 'val/x.json', 'y.json']
    """
    every = [*files]
    names = Counter(file.name for file in every)
    above = os.path.commonpath([file.parent for file in every]) if every else ""
    return {file: clean(file.name if names[file.name] == 1 else file.relative_to(above).as_posix()) for file in every}


def _lines(found: dict[str, list[str]]) -> list[str]:
    return [f"{len(places)} {what}: {some(places, _SHOWN)}" for what, places in found.items()]
