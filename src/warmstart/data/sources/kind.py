"""What kind of data this is: by a column that is named, else by its first rows or its file names.

Images, wherever it is unclear. What is surely of another kind than is asked for is refused, with what to do.

Series are, without being asked for: files .ts, .tsf, .arff, .npz and .npy; tables without a header whose cells are
numbers; tables of series by their columns (`warmstart.data.sources.series.telling`); folders of these; and in memory an
array (n, steps), or a list of arrays (steps,) or of lists of numbers. Arrays (n, H, W) may be either: they are images
unless series are asked for.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.names import IMAGES, TEXTS, clean
from warmstart.data.schema import PLURAL, Dataset, Kind, Sample, Series, Text
from warmstart.data.seriesreading import UNSAID, Reading
from warmstart.data.sources.labels import is_null
from warmstart.data.sources.reading import TABLES, head, is_table
from warmstart.data.sources.scenes.layout import layout_of
from warmstart.data.sources.series.telling import ALONE, folder_of_series, headless, table_of_series
from warmstart.data.sources.tags import find_words
from warmstart.data.sources.textcolumns import guess_texts, holds_images
from warmstart.data.sources.walk import below, is_file, is_folder
from warmstart.data.targets import TaskName
from warmstart.errors import DataError

OF_TEXTS: tuple[TaskName, ...] = ("tag", "generate")
"""Tasks that there are for texts alone."""
_FIRST = 20
_NO_IMAGE = (str, Path, Text, Sample, tuple, list, numbers.Number)
"""Types of what is no image in memory."""
FORMS: dict[Kind, str] = {
    "image": "image files in a folder per class, a table with a column of their paths, or images in memory",
    "text": "text files in a folder per class, a table with a column of texts, or texts in memory",
    "series": "files .ts, .arff or .npz, tables or arrays of numbers, or a folder per class with a file per recording",
}
INSTEAD: dict[Kind, str] = {
    "image": "for images leave --backbone out, or name one for images, such as lite0",
    "text": "for texts leave --backbone out, or name one for texts, such as minilm",
    "series": "for series leave --backbone out, or name one for series",
}


def kind_of(
    data: Any,
    *,
    task: TaskName | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    reading: Reading = UNSAID,
) -> Kind:
    """Whether data are images, texts or series: data as for `load`.

    A column of a table that is named says it, a task that is for texts alone, and anything that is said of series. Else
    texts are: a folder with text files and no image; a table with a column of texts and none of images; strings that
    name no file. A text file is a table if there are labels to be read from it. Series are as the module says.

    Raises:
        DataError: columns of several kinds are named.

    >>> kind_of((["It rains.", "It is dry."], ["wet", "dry"])), kind_of((["a.png", "b.png"], ["wet", "dry"]))
    ('text', 'image')
    >>> kind_of((np.zeros((2, 50)), ["wet", "dry"])), kind_of((np.zeros((2, 28, 28)), ["wet", "dry"]))
    ('series', 'image')
    """
    named: dict[Kind, str | bool | None] = {"image": path_column, "text": text_column, "series": reading.said}
    said = [kind for kind, value in named.items() if value]
    if path_column and text_column:
        raise DataError("both a path column and a text column are named", expected="images or texts, and so one")
    if len(said) > 1:
        what = " and ".join(f"those of {PLURAL[kind]}" for kind in said)
        raise DataError(f"options of several kinds are given: {what}", expected="images, texts or series, and so one")
    if said:
        return said[0]
    if task in OF_TEXTS:
        return "text"
    if task in ("detect", "segment") or layout_of(data, task) is not None:
        return "image"
    found = _kinds_in(data, "image")
    return next(iter(found)) if len(found) == 1 else "image"


def require_kind(
    data: Any,
    kind: Kind,
    *,
    path_column: str | None = None,
    text_column: str | None = None,
    reading: Reading = UNSAID,
    do: str = "",
) -> None:
    """Raise `DataError` for data that are surely not of the kind that is to be read, or a column of another kind.

    Args:
        data: data as for `load`; of inputs a folder or a table.
        kind: what is to be read.
        path_column: what the user names.
        text_column: likewise.
        reading: what the user says of series.
        do: what to do about it; by default, to choose another backbone.
    """
    named: dict[Kind, str | bool | None] = {"image": path_column, "text": text_column, "series": reading.said}
    foreign = next((other for other, value in named.items() if value and other != kind), None)
    if foreign is None:
        found = set[Kind]() if named[kind] else _kinds_in(data, kind)
        if not found or kind in found:
            return
        called = clean(str(data)) if isinstance(data, (str, Path)) else "the data"
        other = sorted(found)[0]
        problem = f"{called}: {PLURAL[other]} are found"
    else:
        other, value = foreign, named[foreign]
        problem = (
            f"the column {value!r} is named for texts" if isinstance(value, str) else "options of series are given"
        )
        problem = problem.replace("for texts", f"for {PLURAL[other]}")
    raise DataError(f"{problem}, and {PLURAL[kind]} are to be read", expected=FORMS[kind], do=do or INSTEAD[other])


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
    if isinstance(source, Path) and is_folder(source):
        return _kinds_below(source, first)
    if isinstance(source, Path) and source.suffix.lower() in ALONE:
        return {"series"}
    if isinstance(source, Path) and not (is_file(source) and source.suffix.lower() in TABLES):
        return set()
    if headless(source):
        return {"series"}
    header, table = head(source)
    found: set[Kind] = {"text"} if guess_texts(header, table) or find_words(header, table) is not None else set()
    found |= {"image"} if holds_images(header, table) else set()
    return found or ({"series"} if table_of_series(header, table) else set())


def _kinds_below(folder: Path, first: Kind) -> set[Kind]:
    """Of a folder; files that may be of series only where there is nothing else."""
    if folder_of_series(folder):
        return {"series"}
    found: set[Kind] = set()
    for path in below(folder):
        if path.suffix.lower() == ".npy":
            found |= {"image", "series"}
        found |= {"image"} if IMAGES.names(path.name) else {"text"} if TEXTS.names(path.name) else set()
        if first in found:
            break
    return found


def _kinds_of(items: Sequence[Any]) -> set[Kind]:
    """Of things in memory: a string that is no path of a file, nor could only be meant as one, is a text."""
    numeric = [_dimensions(item) for item in items]
    if items and all(dimensions == 1 for dimensions in numeric):
        return {"series"}
    if items and all(dimensions == 2 for dimensions in numeric):
        return {"image", "series"}
    items = [Text.of_words(item) if _are_words(item) else item for item in items]
    parts = [part for item in items for part in (item if isinstance(item, (tuple, list)) else [item])]
    sources = [part.source if isinstance(part, Sample) else part for part in parts]
    missing = [part for part in sources if is_null(part)]
    texts = [part for part in sources if isinstance(part, Text) or (isinstance(part, str) and not _names_file(part))]
    found: set[Kind] = {"text"} if texts else set()
    return found | ({"image"} if len(texts) + len(missing) < len(sources) else set())


def _dimensions(item: Any) -> int:
    """1 for a series in memory, 2 for an array of numbers that may be one or an image, 0 for all else."""
    item = item.source if isinstance(item, Sample) else item
    if isinstance(item, Series):
        return 1
    if isinstance(item, (list, tuple)):
        return int(bool(item) and all(isinstance(n, numbers.Real) and not isinstance(n, bool) for n in item))
    kind, dimensions = getattr(getattr(item, "dtype", None), "kind", ""), getattr(item, "ndim", 0)
    return dimensions if kind in "iuf" and kind and dimensions in (1, 2) else 0


def _are_words(item: Any) -> bool:
    """Whether it is a list of words: not two of them, which are a pair of texts; an array of texts too."""
    if isinstance(item, np.ndarray):
        return item.ndim == 1 and item.dtype.kind in "UO" and all(isinstance(word, str) for word in item)
    return isinstance(item, (tuple, list)) and len(item) != 2 and all(isinstance(word, str) for word in item)


def _names_file(text: str) -> bool:
    return IMAGES.names(text) or is_file(Path(text))
