"""Inputs in the lines of an open file, such as standard input: paths, texts, lists of numbers, or JSON objects."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from warmstart.data.schema import Sample, Text
from warmstart.data.sources.chunks import of_objects
from warmstart.data.sources.given import Given, Wanted
from warmstart.data.sources.objects import each_object
from warmstart.data.sources.series.arrays import as_series
from warmstart.data.sources.tableinputs import of_chunks
from warmstart.data.sources.textcolumns import well_formed
from warmstart.errors import DataError

_LONGEST = 1 << 24
"""Bytes of a line: a recording of a million steps has fewer."""


def is_lines(inputs: Any) -> bool:
    """Whether it is an open file.

    >>> is_lines(io.BytesIO(b"a.png")), is_lines("a.png")
    (True, False)
    """
    return isinstance(inputs, io.IOBase)


def of_lines(file: Any, wanted: Wanted) -> Iterator[Given]:
    r"""An input for each line: of images a path, of texts the text, of series a list of numbers (or one per channel).

    Where the first line is a JSON object all are, and a key holds the input, as a column of a table does. Blank lines
    are empty texts, and are passed over where they cannot be meant. Ids are paths, else `row-1` for the first line.

    Raises:
        DataError: a line is too long, or no JSON where it should be.

    >>> [given.sample.id for given in of_lines(io.BytesIO(b"a.png\nb.png\n"), Wanted("image"))]
    ['a.png', 'b.png']
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        return
    lines = chain([first], lines)
    if first.lstrip().startswith("{"):
        found = each_object(lines, "the input")
        if wanted.kind == "series":
            yield from _of_series_objects(found, wanted)
        else:
            yield from of_chunks(of_objects(found), wanted, "", Path())
        return
    if wanted.keep is not None:
        raise DataError("columns are to be kept, and the lines are no JSON objects", expected="an object in each line")
    for number, line in enumerate(lines, start=1):
        if wanted.kind == "text":
            yield Given(Sample(f"row-{number}", Text((well_formed(line),))))
        elif not line.strip():
            continue
        elif wanted.kind == "image":
            yield Given(Sample(Path(line).as_posix(), Path(line)))
        else:
            yield Given(Sample(f"row-{number}", as_series(_numbers(line, number), f"line {number}")))


def _of_series_objects(found: Iterator[dict[str, Any]], wanted: Wanted) -> Iterator[Given]:
    """Of objects that hold one list of numbers, or of lists: by any name, or the one that is said."""
    keep = [] if wanted.keep is None else [name.strip() for name in wanted.keep.split(",")]
    for number, one in enumerate(found, start=1):
        name = wanted.reading.value_columns or next((key for key, cell in one.items() if isinstance(cell, list)), None)
        if name not in one:
            raise DataError(f"line {number} holds no list of numbers", expected='such as {"values": [0.1, 0.2, 0.3]}')
        if missing := [key for key in keep if key not in one]:
            raise DataError(f"line {number} has no {missing[0]!r}, which is to be kept", expected=f"{', '.join(one)}")
        series = as_series(one[name], f"line {number}")
        yield Given(Sample(f"row-{number}", series), {key: one[key] for key in keep})


def _numbers(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"line {number} is no list of numbers", expected="a line such as [0.1, 0.2, 0.3], or of objects"
        ) from error


def _lines(file: Any) -> Iterator[str]:
    """The lines without their ends; bytes that are no UTF-8 stay what they are in a path."""
    while line := file.readline(_LONGEST):
        text = os.fsdecode(line) if isinstance(line, bytes) else line
        if len(text) >= _LONGEST and not text.endswith("\n"):
            raise DataError(f"a line of more than {_LONGEST} characters", expected="an input in each line")
        yield text.rstrip("\r\n")
