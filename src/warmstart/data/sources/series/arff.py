r"""Files `.arff` of the archives of UCR and UEA: attributes of a series are its steps, the last one is its label.

Of several channels the first attribute is `relational`, and a case is `'1,2,3\n4,5,6',label` with a line for each
channel. Read here, for neither scipy nor aeon says the line of what is wrong.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from warmstart.data.names import clean, some
from warmstart.data.schema import Series
from warmstart.data.sources.series.recording import Recording, Recordings
from warmstart.data.sources.series.values import as_values
from warmstart.data.sources.textfile import read_noted
from warmstart.data.targets import TaskName
from warmstart.errors import DataError

_ATTRIBUTE = re.compile(r"""@attribute\s+('[^']*'|"[^"]*"|\S+)\s*(\{.*\}|\S+)""", re.IGNORECASE)
_RELATION = re.compile(r"""(['"])(.*)\1\s*,\s*(.+)""")
_NUMBERS = ("numeric", "real", "integer")

Attributes = list[tuple[str, str]]
"""(name, type), without those within a relation."""


def read_arff(path: Path, notes: list[str]) -> Recordings:
    """The series of a file.

    Raises:
        DataError: names the line that has another number of values than there are attributes, a value that is no
            number, or a label that the header does not list.
    """
    lines = ((n, line.strip()) for n, line in enumerate(read_noted(path, notes).splitlines(), start=1))
    lines = ((n, line) for n, line in lines if line and not line.startswith("%"))
    attributes, relational = _header(lines, path)
    if not attributes:
        raise DataError(f"{path} has no attributes", expected="@attribute lines, the last one of the label")
    name, form = attributes[-1]
    classes = tuple(c.strip().strip("'\"") for c in form.strip("{}").split(",")) if form.startswith("{") else ()
    task: TaskName | None = "regress" if form.lower() in _NUMBERS else None
    if task == "regress" and name.lower() not in ("target", "class", "label", "y"):
        raise DataError(
            f"{path}: the last attribute {clean(name)!r} is a number and not called target or class",
            expected="the label as the last attribute",
        )
    found = []
    for number, line in lines:
        place = f"{path.name}: line {number}"
        values, label = _relation(line, place) if relational else _row(line, len(attributes), place)
        if classes and label != "?" and label not in classes:
            raise DataError(f"{place} has the label {clean(label)[:50]!r}", f"one of {some(classes, 10)}")
        found.append(Recording(f"line-{number}", place, Series(values), (None if label == "?" else label,)))
    if not found:
        raise DataError(f"{path} has no series", expected="lines of values below @data")
    return Recordings(found, task=task)


def _header(lines: Iterator[tuple[int, str]], path: Path) -> tuple[Attributes, bool]:
    attributes: Attributes = []
    inside = relational = False
    for number, line in lines:
        key = line.split()[0].lower()
        if key == "@data":
            return attributes, relational
        if key == "@end":
            inside = False
        elif key == "@attribute" and (found := _ATTRIBUTE.match(line)) is not None:
            name, form = found[1].strip("'\""), found[2]
            attributes += [] if inside else [(name, form)]
            if form.lower() == "relational":
                inside = relational = True
        elif key != "@relation":
            raise DataError(f"{path}: line {number} is {clean(line[:50])!r}", "@relation, @attribute and @data lines")
    raise DataError(f"{path} has no line @data", expected="@attribute lines, then @data and a line for each series")


def _row(line: str, width: int, place: str) -> tuple[np.ndarray, str]:
    if line.startswith("{"):
        raise DataError(f"{place} is sparse", expected="every value in every line", do="write the file as dense ARFF")
    cells = next(csv.reader([line], quotechar="'", skipinitialspace=True))
    if len(cells) != width:
        raise DataError(f"{place} has {len(cells)} values", expected=f"{width}, one for each attribute")
    return as_values(cells[:-1], place)[None], cells[-1].strip().strip("\"'")


def _relation(line: str, place: str) -> tuple[np.ndarray, str]:
    if (found := _RELATION.fullmatch(line)) is None:
        raise DataError(f"{place} is {clean(line[:50])!r}", expected=r"'1,2\n3,4',label: a line for each channel")
    channels = [as_values(channel.split(","), place) for channel in found[2].split(r"\n") if channel]
    if len(steps := {len(channel) for channel in channels}) != 1:
        raise DataError(f"{place} has channels of {min(steps)} to {max(steps)} steps", "channels of one length")
    return np.stack(channels), found[3].strip().strip("\"'")
