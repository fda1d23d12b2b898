"""Where the image lies that an annotation names."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from warmstart.data.names import PARTS
from warmstart.data.schema import SplitName
from warmstart.data.sources.rows import file_in
from warmstart.data.sources.walk import is_file, walk


def part_named(name: str) -> SplitName | None:
    """The part that a name of a file or folder tells, or none.

    >>> part_named("instances_val2017"), part_named("valid"), part_named("portraits")
    ('val', 'val', None)
    """
    return next((PARTS[word] for word in re.findall("[a-z]+", name.lower()) if word in PARTS), None)


class ImageFinder:
    """Finds images by the names that annotations have for them: in the folders that are likely, else anywhere below."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._last: Path | None = None

    def find(self, name: str, places: Sequence[Path], part: SplitName | None = None) -> Path | None:
        """The file, or `None` if there is none, or several that cannot be told apart.

        Args:
            name: as it is written, with folders or without.
            places: folders to look in first.
            part: of files with one name, that in a folder of this part is meant.
        """
        if not name:
            return None
        first = [self._last] if self._last in places and self._last is not None else []
        for place in (*first, *places):
            if is_file(path := file_in(place, name)):
                self._last = place
                return path
        base = Path(name.replace("\\", "/"))
        named = self._below.get(base.name.lower(), [])
        for rule in (
            lambda path: path.as_posix().endswith(f"/{base.as_posix()}"),
            lambda path: part is not None and part in map(part_named, path.relative_to(self.root).parts[:-1]),
        ):
            named = [path for path in named if rule(path)] or named
        return named[0] if len(named) == 1 else None

    @functools.cached_property
    def _below(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in walk(self.root).files:
            found.setdefault(path.name.lower(), []).append(path)
        return found
