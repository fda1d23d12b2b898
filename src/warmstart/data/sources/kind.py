"""What kind of data this is, by its first rows or its file names. Images, wherever it is unclear."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from warmstart.data.names import IMAGES, TEXTS
from warmstart.data.schema import Dataset, Kind, Sample, Text
from warmstart.data.sources.reading import TABLES, head, is_table
from warmstart.data.sources.tags import find_words
from warmstart.data.sources.textcolumns import guess_texts, holds_images
from warmstart.data.sources.walk import below, is_file
from warmstart.errors import DataError

_FIRST = 20


def kind_of(data: Any) -> Kind:
    """Whether data are images or texts: data as for `load`, or inputs as for `load_inputs`.

    Texts are: a folder with text files and no image; a table with a column of texts and none of images; strings that
    name no file. A text file is a table if there are labels to be read from it.

    >>> kind_of((["It rains.", "It is dry."], ["wet", "dry"])), kind_of((["a.png", "b.png"], ["wet", "dry"]))
    ('text', 'image')
    """
    try:
        return "text" if _are_texts(data) else "image"
    except (DataError, OSError):  # whoever reads it says what is wrong
        return "image"


def _are_texts(data: Any) -> bool:
    if isinstance(data, Dataset):
        return data.kind == "text"
    if isinstance(data, (str, Path)) or is_table(data):
        return _place_of_texts(data)
    if isinstance(data, (tuple, list)) and len(data) == 2 and not isinstance(data[0], (str, bytes)):
        return hasattr(data[0], "__len__") and _strings(list(islice(data[0], _FIRST)))
    return False


def _place_of_texts(data: Any) -> bool:
    source = Path(data) if isinstance(data, str) else data
    if not isinstance(source, Path) or (is_file(source) and source.suffix.lower() in TABLES):
        header, table = head(source)
        has_texts = bool(guess_texts(header, table)) or find_words(header, table) is not None
        return has_texts and not holds_images(header, table)
    if not source.is_dir():
        return False
    found = False
    for path in below(source):
        if IMAGES.names(path.name):
            return False
        found = found or TEXTS.names(path.name)
    return found


def _strings(items: Sequence[Any]) -> bool:
    """Whether they are texts or pairs of them: no paths of files, nor what could only be meant as one."""
    parts = [part for item in items for part in (item if isinstance(item, (tuple, list)) else [item])]
    strings = [part for part in parts if isinstance(part, str)]
    known = all(part is None or isinstance(part, (str, float, Text, Sample)) for part in parts)
    are_texts = any(isinstance(part, Text) for part in parts) or bool(strings)
    return known and are_texts and not any(IMAGES.names(part) or is_file(Path(part)) for part in strings)
