"""Tables without a header as the UCR archive has them: a line for each series, first its label, then its values.

Values are divided by tabs, commas, semicolons or white space. A series that is shorter than others is padded with NaN.
"""

from __future__ import annotations

import re
from pathlib import Path

from warmstart.data.names import clean
from warmstart.data.schema import Series
from warmstart.data.sources.series.recording import Recording, Recordings
from warmstart.data.sources.series.values import as_values, is_number
from warmstart.data.sources.textfile import read_noted
from warmstart.errors import DataError

ENDINGS = (".tsv", ".csv", ".txt")
_LEAST = 3
"""Values in the first line, beside the label, of what is surely no header."""


def divided(line: str) -> list[str]:
    """The cells of a line; the separator is the first of tab, semicolon and comma that is in it, else white space."""
    for separator in "\t;,":
        if separator in line:
            return [cell.strip() for cell in line.strip().split(separator)]
    return line.split()


def is_headless(first: str) -> bool:
    """Whether the first line of a file is a series rather than a header: all its cells but the label are numbers.

    Names of columns that count, 0, 1, 2, ..., are a header.

    >>> is_headless("1,0.5,0.25,-3"), is_headless("label,0,1,2,3"), is_headless("0 1 2 3 4")
    (True, False, False)
    """
    cells = [cell.strip("\"'") for cell in divided(first.lstrip("\ufeff"))]
    if len(cells) <= _LEAST or not all(map(is_number, cells[1:])):
        return False
    counted = [int(cell) for cell in cells if re.fullmatch(r"\d+", cell)]
    names = sum(not is_number(cell) for cell in cells)
    return len(counted) + names < len(cells) or counted != [*range(counted[0], counted[0] + len(counted))]


def read_ucr(path: Path, notes: list[str]) -> Recordings:
    """The series of a file; labels that are whole numbers stored with a fraction (1.0000e+00) lose it.

    Raises:
        DataError: names the line that has another number of values than the first, or a value that is no number.
    """
    found: list[Recording] = []
    width = 0
    for number, line in enumerate(read_noted(path, notes).splitlines(), start=1):
        if not line.strip():
            continue
        place, cells = f"{path.name}: line {number}", divided(line)
        width = width or len(cells)
        if len(cells) != width:
            raise DataError(
                f"{place} has {len(cells)} cells and the first has {width}",
                expected="a label and as many values in every line; shorter series are filled with NaN",
            )
        found.append(Recording(f"line-{number}", place, Series(as_values(cells[1:], place)[None]), (_label(cells[0]),)))
    if not found:
        raise DataError(f"{path} is empty", expected="a line for each series: its label, then its values")
    return Recordings(found)


def _label(cell: str) -> str | None:
    text = clean(cell.strip("\"'"))
    try:
        value = float(text)
    except ValueError:
        return text or None
    return str(int(value)) if value.is_integer() else None if value != value else text
