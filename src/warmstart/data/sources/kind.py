"""What kind of data this is: by a column that is named, else by its first rows or its file names.

Images, wherever it is unclear. What is surely of the other kind than is asked for is refused, with what to do.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.names import IMAGES, TEXTS, clean
from warmstart.data.schema import Dataset, Kind, Sample, Text
from warmstart.data.sources.labels import is_null
from warmstart.data.sources.reading import TABLES, head, is_table
from warmstart.data.sources.tags import find_words
from warmstart.data.sources.textcolumns import guess_texts, holds_images
from warmstart.data.sources.walk import below, is_file, is_folder
from warmstart.data.targets import TaskName
from warmstart.errors import DataError

OTHER: dict[Kind, Kind] = {"image": "text", "text": "image"}
OF_TEXTS: tuple[TaskName, ...] = ("tag", "generate")
"""Tasks that there are for texts alone."""
_FIRST = 20
_NO_IMAGE = (str, Path, Text, Sample, tuple, list, numbers.Number)
"""Types of what is no image in memory."""
FORMS: dict[Kind, str] = {
    "image": "image files in a folder per class, a table with a column of their paths, or images in memory",
    "text": "text files in a folder per class, a table with a column of texts, or texts in memory",
}
INSTEAD: dict[Kind, str] = {
    "image": "for images leave --backbone out, or name one for images, such as lite0",
    "text": "for texts leave --backbone out, or name one for texts, such as minilm",
}


def kind_of(
    data: Any, *, task: TaskName | None = None, path_column: str | None = None, text_column: str | None = None
) -> Kind:
    """Whether data are images or texts: data as for `load`.

    A column of a table that is named says it, and a task that is for texts alone. Else texts are: a folder with text
    files and no image; a table with a column of texts and none of images; strings that name no file. A text file is a
    table if there are labels to be read from it.

    Raises:
        DataError: columns of both kinds are named.

    >>> kind_of((["It rains.", "It is dry."], ["wet", "dry"])), kind_of((["a.png", "b.png"], ["wet", "dry"]))
    ('text', 'image')
    """
    if path_column and text_column:
        raise DataError("both a path column and a text column are named", expected="images or texts, and so one")
    if path_column or text_column:
        return "text" if text_column else "image"
    if task in OF_TEXTS:
        return "text"
    return "text" if _kinds_in(data, "image") == {"text"} else "image"


def require_kind(
    data: Any, kind: Kind, *, path_column: str | None = None, text_column: str | None = None, do: str = ""
) -> None:
    """Raise `DataError` for data that are surely not of the kind that is to be read, or a column of the other kind.

    Args:
        data: data as for `load`; of inputs a folder or a table.
        kind: what is to be read.
        path_column: what the user names.
        text_column: likewise.
        do: what to do about it; by default, to choose another backbone.
    """
    if kind == "series":
        return
    other: Kind = OTHER[kind]
    foreign, own = (path_column, text_column) if kind == "text" else (text_column, path_column)
    if foreign is None and (own is not None or _kinds_in(data, kind) != {other}):
        return
    called = clean(str(data)) if isinstance(data, (str, Path)) else "the data"
    found = f"{called}: {other}s are found" if foreign is None else f"the column {foreign!r} is named for {other}s"
    raise DataError(f"{found}, and {kind}s are to be read", expected=FORMS[kind], do=do or INSTEAD[other])


def refuse_mixed(items: Sequence[Any]) -> None:
    """Raise `DataError` for images in memory with texts among them."""
    images = [
        row for row, item in enumerate(items) if not (isinstance(item, _NO_IMAGE) or is_null(item) or _are_words(item))
    ]
    texts = [row for row, item in enumerate(items) if images and "text" in _kinds_of([item])]
    if images and texts:
        raise DataError(
            f"images and texts are mixed: {images[0]} is the place of an image, {texts[0]} that of a text",
            expected="either for all; a string for an image is the path of a file",
            do="leave one of them out, and check the spelling of paths",
        )


def _kinds_in(data: Any, first: Kind) -> set[Kind]:
    """The kinds that data hold, as far as is seen at a glance; of a folder the rest is not looked at after `first`."""
    try:
        if isinstance(data, Dataset):
            return {data.kind}
        if isinstance(data, (str, Path)) or is_table(data):
            return _kinds_at(Path(data) if isinstance(data, str) else data, first)
        if isinstance(data, (tuple, list)) and len(data) == 2 and not isinstance(data[0], (str, bytes)):
            return _kinds_of(list(islice(data[0], _FIRST))) if hasattr(data[0], "__len__") else set()
    except (DataError, OSError):  # whoever reads it says what is wrong
        pass
    return set()


def _kinds_at(source: Any, first: Kind) -> set[Kind]:
    """Of a folder, a file or a table."""
    found: set[Kind] = set()
    if not isinstance(source, Path) or (is_file(source) and source.suffix.lower() in TABLES):
        header, table = head(source)
        found |= {"text"} if guess_texts(header, table) or find_words(header, table) is not None else set()
        found |= {"image"} if holds_images(header, table) else set()
        return found
    for path in below(source) if is_folder(source) else ():
        found |= {"image"} if IMAGES.names(path.name) else {"text"} if TEXTS.names(path.name) else set()
        if first in found:
            break
    return found


def _kinds_of(items: Sequence[Any]) -> set[Kind]:
    """Of things in memory: a string that is no path of a file, nor could only be meant as one, is a text."""
    items = [Text.of_words(item) if _are_words(item) else item for item in items]
    parts = [part for item in items for part in (item if isinstance(item, (tuple, list)) else [item])]
    sources = [part.source if isinstance(part, Sample) else part for part in parts]
    missing = [part for part in sources if is_null(part)]
    texts = [part for part in sources if isinstance(part, Text) or (isinstance(part, str) and not _names_file(part))]
    found: set[Kind] = {"text"} if texts else set()
    return found | ({"image"} if len(texts) + len(missing) < len(sources) else set())


def _are_words(item: Any) -> bool:
    """Whether it is a list of words: not two of them, which are a pair of texts; an array of texts too."""
    if isinstance(item, np.ndarray):
        return item.ndim == 1 and item.dtype.kind in "UO" and all(isinstance(word, str) for word in item)
    return isinstance(item, (tuple, list)) and len(item) != 2 and all(isinstance(word, str) for word in item)


def _names_file(text: str) -> bool:
    return IMAGES.names(text) or is_file(Path(text))
