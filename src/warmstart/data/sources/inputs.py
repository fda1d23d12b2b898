"""What is to be answered for: images, texts or series without labels, in any form. None is left out: each has a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.names import IMAGES, TEXTS, FileKind, natural
from warmstart.data.schema import PLURAL, Kind, Sample, Text
from warmstart.data.seriesreading import UNSAID, Reading
from warmstart.data.sources.arrays import as_source, as_sources
from warmstart.data.sources.kind import require_kind
from warmstart.data.sources.reading import TABLES, is_table, read_table
from warmstart.data.sources.series.inputs import series_inputs
from warmstart.data.sources.tags import find_words, words_in
from warmstart.data.sources.textcolumns import find_texts, guess_texts, texts_in
from warmstart.data.sources.texts import as_text_source, read_source
from warmstart.data.sources.walk import is_file, is_folder, walk
from warmstart.errors import DataError

DO = "give what the model was trained to read"


def load_inputs(
    inputs: Any,
    *,
    kind: Kind = "image",
    text_column: str | None = None,
    reading: Reading = UNSAID,
    channels: int | None = None,
) -> tuple[Sample, ...]:
    """Inputs without labels: one, a mix in a sequence, a folder, or for texts a table.

    Images are files, folders (all images below them), PIL images, arrays or bytes. An array is one image (H, W) or
    (H, W, C) with C of 1, 3 or 4, or a stack; one image of other bands goes in a list. The id of a file is its path as
    it was given; a file that is missing or damaged is found when it is read.

    Texts are strings, tuples of two for pairs (in a list of them), text files (one text in each), folders of them, or
    tables. A string that names a text file, a table or a folder stands for that; any other is a text. An empty text
    stays in, as a `Text` of nothing; a file that is no text stays in, as its path.

    Series are read as `load` reads them, and their labels, where the form has any, are left out: files, folders,
    tables, an array (n, steps) or (n, channels, steps), or a sequence of these, of arrays (steps,) or (channels, steps)
    and of lists of numbers.

    Args:
        inputs: what to answer for.
        kind: what the model takes.
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
    if kind == "series":
        return series_inputs(inputs, reading, channels=channels)
    samples: list[Sample] = []
    items = _items(inputs, kind)
    for row, item in enumerate(items):
        if isinstance(item, Sample):
            samples.append(item)
        elif kind == "text":
            samples += _texts(item, row, text_column, alone=len(items) == 1)
        elif isinstance(item, (str, Path)) and is_folder(Path(item)):
            require_kind(item, kind, do=DO)
            samples += [Sample(path.as_posix(), path) for path in _below(Path(item), IMAGES)]
        else:
            source = as_source(item)
            samples.append(Sample(source.as_posix() if isinstance(source, Path) else f"row-{row}", source))
    if not samples:
        raise DataError("no input was given", expected=f"{kind} files, a folder of them, or {PLURAL[kind]} in memory")
    return tuple(samples)


def _items(inputs: Any, kind: Kind) -> Sequence[Any]:
    if kind == "text":
        one = isinstance(inputs, (str, bytes, Path, Text, Sample)) or is_table(inputs)
        return list(inputs) if hasattr(inputs, "__iter__") and not one else [inputs]
    if isinstance(inputs, np.ndarray):
        one = inputs.ndim == 2 or (inputs.ndim == 3 and inputs.shape[2] in (1, 3, 4))
        return [inputs] if one else as_sources(inputs)
    return list(inputs) if isinstance(inputs, Sequence) and not isinstance(inputs, (str, bytes)) else [inputs]


def _texts(item: Any, row: int, text_column: str | None, *, alone: bool) -> list[Sample]:
    """The samples of one input; the ids of a table's rows begin with its name, unless it is `alone`."""
    if not isinstance(item, (str, Path)) and not is_table(item):
        return [Sample(f"row-{row}", as_text_source(item))]
    path = Path(item) if isinstance(item, str) and _is_place(item) else item
    if isinstance(path, str):
        return [Sample(f"row-{row}", as_text_source(path))]
    if isinstance(path, Path) and is_folder(path):
        require_kind(path, "text", do=DO)
        return [Sample(file.as_posix(), read_source(file, [])) for file in _below(path, TEXTS)]
    if isinstance(path, Path) and path.suffix.lower() not in set(TABLES) - TEXTS.endings:
        return [Sample(path.as_posix(), read_source(path, []))]
    require_kind(path, "text", text_column=text_column, do=DO)
    header, table = read_table(path, [], keep_empty=True)
    words = find_words(header, table, only=text_column)
    prefix = "" if alone else f"{path.as_posix() if isinstance(path, Path) else 'table'} "
    if words is not None and (text_column or not guess_texts(header, table)):
        texts = list(map(Text.of_words, words_in(header, table, words, [])))
    else:
        texts = texts_in(header, table, find_texts(header, table, text_column, [])[0])
    return [Sample(f"{prefix}row-{number}", text) for number, text in enumerate(texts, start=1)]


def _is_place(text: str) -> bool:
    """Whether a string stands for a file or folder, were it an image: there is such a one, or it is a word that ends as
    only these do.
    """
    if not text.strip():
        return False
    ends = Path(text).suffix.lower() in {*TABLES, *TEXTS.endings, *IMAGES.endings}
    return is_folder(Path(text)) or (ends and (is_file(Path(text)) or not any(c.isspace() for c in text)))


def _below(folder: Path, kind: FileKind) -> list[Path]:
    found = sorted(walk(folder, kind).files, key=lambda path: natural(path.relative_to(folder).as_posix()))
    if not found:
        raise DataError(
            f"no {kind.noun} lies below {folder}", f"{kind.noun} files", do="check the folder, or name files"
        )
    return found
