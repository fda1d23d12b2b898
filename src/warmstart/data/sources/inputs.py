"""What is to be answered for: images, texts or series without labels, in any form. None is left out: each has a row.

Inputs are found one after the other, so that there may be more of them than fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.names import IMAGES, TEXTS, FileKind
from warmstart.data.schema import PLURAL, Kind, Sample, Text
from warmstart.data.seriesreading import UNSAID, Reading
from warmstart.data.sources.arrays import as_source, as_sources
from warmstart.data.sources.given import Given, Wanted
from warmstart.data.sources.kind import require_kind
from warmstart.data.sources.lines import is_lines, of_lines
from warmstart.data.sources.matching import is_pattern, matching
from warmstart.data.sources.reading import TABLES, is_table
from warmstart.data.sources.series.inputs import series_inputs, series_one_by_one
from warmstart.data.sources.tableinputs import of_table
from warmstart.data.sources.texts import as_text_source, read_source
from warmstart.data.sources.walk import in_order, is_file, is_folder
from warmstart.errors import DataError

DO = "give what the model was trained to read"
_TABLES = frozenset(TABLES) - TEXTS.endings
"""Endings of what stands for its rows; a text file is one text."""


def load_inputs(
    inputs: Any,
    *,
    kind: Kind = "image",
    path_column: str | None = None,
    text_column: str | None = None,
    reading: Reading = UNSAID,
    channels: int | None = None,
) -> tuple[Sample, ...]:
    """Inputs without labels: one, a mix in a sequence, a folder, a table, or an open file with a line for each.

    Images are files, folders (all images below them), patterns such as `scans/**/*.png`, tables with a column of paths,
    PIL images, arrays or bytes. An array is one image (H, W) or (H, W, C) with C of 1, 3 or 4, or a stack; one image of
    other bands goes in a list. The id of a file is its path as it was given; a file that is missing or damaged is found
    when it is read.

    Texts are strings, tuples of two for pairs (in a list of them), text files (one text in each), folders or patterns
    of them, or tables. A string that names a text file, a table or a folder stands for that; any other is a text. An
    empty text stays in, as a `Text` of nothing; a file that is no text stays in, as its path.

    Series are read as `load` reads them, and their labels, where the form has any, are left out: files, folders,
    tables, an array (n, steps) or (n, channels, steps), or a sequence of these, of arrays (steps,) or (channels, steps)
    and of lists of numbers.

    Args:
        inputs: what to answer for.
        kind: what the model takes.
        path_column: column of tables that holds the paths of images, as for `load`.
        text_column: column of the tables that holds the texts, as for `load`.
        reading: how series are read, as for `load`.
        channels: of series, how many the model takes: a table with a column for each is one recording.

    Raises:
        DataError: nothing was given, a folder holds none, or a thing is none.

    >>> [s.id for s in load_inputs(["photos/a.jpg", np.zeros((8, 8), np.uint8)])]
    ['photos/a.jpg', 'row-1']
    >>> [str(s.source) for s in load_inputs(["It rains.", None], kind="text")]
    ['It rains.', '']
    """
    if kind == "series" and not is_lines(inputs):
        return series_inputs(inputs, reading, channels=channels)
    wanted = Wanted(kind, path_column=path_column, text_column=text_column, reading=reading, channels=channels)
    return tuple(given.sample for given in each_input(inputs, wanted))


def each_input(inputs: Any, wanted: Wanted) -> Iterator[Given]:
    """The same one by one, with the cells that are kept beside each.

    A large table, a folder and an open file are read as far as they are asked for. Series are, in a table that has a
    row for each and in an open file with a list of numbers in each line; what else there is of them is read at once.

    Raises:
        DataError: as `load_inputs`, once the input is reached.
    """
    found = _each(inputs, wanted)
    first = next(found, None)
    if first is None:
        kind = wanted.kind
        raise DataError("no input was given", expected=f"{kind} files, a folder of them, or {PLURAL[kind]} in memory")
    yield first
    yield from found


def _each(inputs: Any, wanted: Wanted) -> Iterator[Given]:
    if is_lines(inputs):
        yield from of_lines(inputs, wanted)
        return
    if wanted.kind == "series":
        yield from series_one_by_one(inputs, wanted)
        return
    items = _items(inputs, wanted.kind)
    alone = isinstance(items, Sequence) and len(items) == 1
    for row, item in enumerate(items):
        if isinstance(item, Sample):
            yield Given(item)
        elif is_lines(item):
            yield from of_lines(item, wanted)
        elif wanted.kind == "text":
            yield from _texts(item, row, wanted, alone=alone)
        else:
            yield from _images(item, row, wanted, alone=alone)


def _items(inputs: Any, kind: Kind) -> Iterable[Any]:
    if isinstance(inputs, Iterator):
        return inputs
    if kind == "text":
        one = isinstance(inputs, (str, bytes, Path, Text, Sample)) or is_table(inputs)
        return list(inputs) if hasattr(inputs, "__iter__") and not one else [inputs]
    if isinstance(inputs, np.ndarray):
        one = inputs.ndim == 2 or (inputs.ndim == 3 and inputs.shape[2] in (1, 3, 4))
        return [inputs] if one else as_sources(inputs)
    return list(inputs) if isinstance(inputs, Sequence) and not isinstance(inputs, (str, bytes)) else [inputs]


def _images(item: Any, row: int, wanted: Wanted, *, alone: bool) -> Iterator[Given]:
    """The images of one input."""
    if is_table(item) or (isinstance(item, (str, Path)) and Path(item).suffix.lower() in _TABLES):
        yield from of_table(item if is_table(item) else Path(item), wanted, alone=alone)
        return
    if not isinstance(item, (str, Path)):
        yield Given(Sample(f"row-{row}", as_source(item)))
        return
    for path in _files(str(item), wanted.kind, IMAGES):
        yield Given(Sample(path.as_posix(), path))


def _texts(item: Any, row: int, wanted: Wanted, *, alone: bool) -> Iterator[Given]:
    """The texts of one input; the ids of a table's rows begin with its name, unless it is `alone`."""
    if is_table(item):
        yield from of_table(item, wanted, alone=alone)
    elif not isinstance(item, (str, Path)) or (isinstance(item, str) and not _is_place(item)):
        yield Given(Sample(f"row-{row}", as_text_source(item)))
    elif Path(item).suffix.lower() in _TABLES and not is_pattern(str(item)):
        yield from of_table(Path(item), wanted, alone=alone)
    else:
        for path in _files(str(item), wanted.kind, TEXTS):
            yield Given(Sample(path.as_posix(), read_source(path, [])))


def _files(place: str, kind: Kind, of: FileKind) -> Iterator[Path]:
    """The files that a string stands for: those below a folder, those that match a pattern, or the one."""
    path = Path(place)
    if is_folder(path):
        require_kind(path, kind, do=DO)
        found = in_order(path, of)
        what, do = f"no {of.noun} lies below {place}", "check the folder, or name files"
    elif is_pattern(place):
        found, what, do = matching(place), f"no file matches {place}", "check the pattern; ** stands for any folders"
    else:
        yield path
        return
    first = next(found, None)
    if first is None:
        raise DataError(what, f"{of.noun} files", do=do)
    yield first
    yield from found


def _is_place(text: str) -> bool:
    """Whether a string stands for a file or folder, were it an image: there is such a one, or it is a word, or a
    pattern, that ends as only these do.
    """
    if not text.strip():
        return False
    ends = Path(text).suffix.lower() in {*TABLES, *TEXTS.endings, *IMAGES.endings}
    return is_folder(Path(text)) or (ends and (is_file(Path(text)) or not any(c.isspace() for c in text)))
