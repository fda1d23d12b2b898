"""JSON as tables: a line for each object, or one list of objects. Keys are columns; a key left out is empty."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from warmstart.data.sources.hub import Table
from warmstart.data.sources.textfile import read_noted
from warmstart.errors import DataError

EXPECTED = 'an object for each sample, such as {"text": "...", "label": "..."}'


def read_json(path: Path, notes: list[str]) -> Table:
    """(header, rows) of a file of JSON, or of JSON lines, whatever it is called.

    Raises:
        DataError: it cannot be read, or holds something else; names the line.
    """
    text = read_noted(path, notes)
    if path.suffix.lower() != ".json" or _begins_with_object(text):  # many call JSON lines .json
        return from_lines(text.split("\n"), path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_json(path, getattr(error, "lineno", 1), error) from error
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise DataError(f"{path} holds no list of objects", expected=f"a list with {EXPECTED}")
    return _table(found)


def from_lines(lines: Iterable[str], path: Path) -> Table:
    """(header, rows) of lines with an object in each; blank lines are passed over. Errors as of `read_json`."""
    return _table(list(each_object(lines, path)))


def each_object(lines: Iterable[str], path: Path | str) -> Iterator[dict[str, Any]]:
    """The object of each line as it is asked for; blank lines are passed over. Errors as of `read_json`."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _no_json(path, number, error) from error
        if not isinstance(item, dict):
            raise DataError(f"{path}: line {number} holds no object", expected=EXPECTED, do="mend it")
        yield item


def _table(found: list[dict[str, Any]]) -> Table:
    header = list(dict.fromkeys(name for item in found for name in item))
    return header, [[item.get(name) for name in header] for item in found]


def _begins_with_object(text: str) -> bool:
    """Whether the first line is a whole object."""
    try:
        return isinstance(json.loads(text.lstrip().split("\n", 1)[0]), dict)
    except (ValueError, RecursionError):
        return False


def _no_json(path: Path | str, line: int, error: Exception) -> DataError:
    why = getattr(error, "msg", "nested too deeply")
    return DataError(f"{path}: line {line} is no JSON: {why}", expected=EXPECTED, do="mend it")
