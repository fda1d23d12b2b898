"""What the values or colours of masks mean: from a file that names them, else from the masks themselves."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from warmstart.data.annotations import IGNORED, Colour, Legend
from warmstart.data.masks import stored_values
from warmstart.data.names import clean, some
from warmstart.data.pool import in_order
from warmstart.data.sources.textfile import read_text
from warmstart.errors import DataError, WarmstartError

FILES = (
    "classes.txt", "labels.txt", "labelmap.txt", "label_map.txt", "label_colors.txt", "legend.txt", "class_dict.csv",
    "classes.csv", "labels.csv", "labelmap.csv", "legend.csv", "legend.json", "classes.json", "labelmap.json",
    "labels.json", "data.yaml", "data.yml", "classes.yaml", "legend.yaml",
)  # fmt: skip
"""Files that name the classes of masks, the first there is."""
UNNAMED = {"void", "ignore", "ignored", "unlabelled", "unlabeled", "dontcare", "don't care"}
"""Names of what is no class, in lower case."""
SAMPLED = 300
"""Masks that are decoded where nothing names the values; of more, an even choice of so many."""
_MOST = 64
"""Different values; masks of more are pictures, or were changed by lossy compression."""
_NUMBERS = re.compile(r"\d+")
Key = int | Colour


def legend_file(places: Sequence[Path]) -> Path | None:
    """The file that names the classes, in the first folder that has one."""
    return next((place / name for place in places for name in FILES if (place / name).is_file()), None)


def read_legend(file: Path) -> Legend:
    """What a file says of the values or colours of masks.

    Lines are `name` (the first is 0), `value name`, `name value`, `name r g b` or `r g b name`, with spaces, commas,
    colons or tabs between them (CVAT's labelmap.txt and CamVid's label_colors.txt are such); tables have columns for
    the name and the value or the colour; JSON and YAML are objects name: value, name: [r, g, b] or value: name, or a
    list of names, all of them perhaps below `names`.

    Raises:
        DataError: it is none of these, or one value has two names.
    """
    text = read_text(file)[0]
    if file.suffix in (".json", ".yaml", ".yml"):
        pairs = _of_object(_loaded(text, file), file)
    elif file.suffix == ".csv":
        pairs = _of_table(text, file)
    else:
        pairs = _of_lines(text, file)
    if not pairs:
        raise DataError(f"{file} names no class", expected="a name, with a value or a colour, in each line")
    names: dict[Key, str | None] = {}
    for key, name in pairs:
        if names.setdefault(key, name) != name:
            raise DataError(f"{file}: {key} is {names[key]!r} and {name!r}", expected="one name for each value")
    if len({isinstance(key, tuple) for key in names}) > 1:
        raise DataError(f"{file} has values and colours", expected="one kind for all classes")
    shared = {key: None if (name or "").lower() in UNNAMED else name for key, name in names.items()}
    return Legend(shared if any(shared.values()) else names)


def _loaded(text: str, file: Path) -> Any:
    try:
        found = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise DataError(f"{file} cannot be read: {str(error)[:200]}", expected="JSON, or YAML by its name") from error
    return found.get("names", found) if isinstance(found, dict) else found


def _of_object(found: Any, file: Path) -> list[tuple[Key, str]]:
    if isinstance(found, list) and all(isinstance(item, dict) for item in found):
        keys = [
            next((item[k] for k in ("value", "id", "index", "color", "colour", "rgb") if k in item), None)
            for item in found
        ]
        names = [next((str(item[k]) for k in ("name", "label", "class") if k in item), "") for item in found]
        return [(_key(key, file), clean(name)) for key, name in zip(keys, names, strict=True)]
    if isinstance(found, list):
        return [(i, clean(str(name))) for i, name in enumerate(found)]
    if not isinstance(found, dict):
        raise DataError(f"{file} holds neither a list nor an object", expected="name: value, or name: [r, g, b]")
    if all(str(key).isdigit() and isinstance(name, str) for key, name in found.items()):
        return [(int(key), clean(name)) for key, name in found.items()]
    return [(_key(value, file), clean(str(name))) for name, value in found.items()]


def _key(value: Any, file: Path) -> Key:
    if isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value):
        return tuple(bytes.fromhex(value[1:]))  # type: ignore[return-value]
    numbers = [int(n) for n in _NUMBERS.findall(str(value))]
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) == 3 and max(numbers) <= 255:
        return numbers[0], numbers[1], numbers[2]
    raise DataError(
        f"{file}: {str(value)[:60]} is neither a value nor a colour", expected="7, or 64, 128, 0, or #408000"
    )


def _of_lines(text: str, file: Path) -> list[tuple[Key, str]]:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    pairs = []
    for line in lines:
        cells = [cell for cell in re.split(r"[\t,:; ]+", line) if cell]
        numbers = [cell.isdigit() for cell in cells]
        first = next((n for n in (3, 1) if len(cells) > n and all(numbers[:n])), 0)
        last = 0 if first else next((n for n in (3, 1) if len(cells) > n and all(numbers[-n:])), 0)
        if first or last:
            key = cells[:first] or cells[-last:]
            pairs.append((_key(" ".join(key), file), clean(" ".join(cells[first:] if first else cells[:-last]))))
    return pairs if len(pairs) == len(lines) else [(i, clean(line)) for i, line in enumerate(lines)]


def _of_table(text: str, file: Path) -> list[tuple[Key, str]]:
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    name = next((header.index(n) for n in ("name", "class", "label", "class_name", "category") if n in header), None)
    keys = [header.index(n) for n in ("r", "g", "b") if n in header]
    keys = keys or [header.index(n) for n in ("red", "green", "blue") if n in header]
    keys = (
        keys or [header.index(n) for n in ("value", "id", "index", "color", "colour", "pixel_value") if n in header][:1]
    )
    if name is None or len(keys) not in (1, 3) or any(len(row) <= max(name, *keys) for row in rows):
        return _of_lines(text, file)
    return [(_key(" ".join(row[i] for i in keys), file), clean(row[name].strip())) for row in rows[1:]]


def found_values(masks: Sequence[Path], workers: int = 2) -> tuple[Counter[int], dict[Path, frozenset[int]]]:
    """The grey values (or indices of a palette) in masks: pixels of each in all of them, and which values each has.

    Of more than `SAMPLED` masks an even choice is decoded. Masks that cannot be read are passed over.

    Raises:
        DataError: masks of colours, or of more values than classes can be.
    """
    step = max(1, -(-len(masks) // SAMPLED))
    chosen = list(masks)[::step]
    counts: Counter[int] = Counter()
    each: dict[Path, frozenset[int]] = {}
    for path, found in zip(chosen, in_order(_values, chosen, workers=workers), strict=True):
        if found is None:
            continue
        if isinstance(found, str):
            raise DataError(
                f"{path}: {found}, and nothing says which class each is",
                expected="masks of a value for each class, or a file that names the colours",
                do="write classes.txt with a line `name r g b` (or `name value`) for each class beside the masks",
            )
        counts.update(found)
        each[path] = frozenset(found)
        if len(counts) > _MOST:
            raise DataError(
                f"the masks have more than {_MOST} values: {some([str(value) for value in sorted(counts)], 8)}",
                expected="one value for each class",
                do="save them again without lossy compression (PNG), or name the values in classes.txt",
            )
    return counts, each


def _values(path: Path) -> dict[int, int] | str | None:
    try:
        stored = stored_values(path, False)
    except WarmstartError:
        return None
    if stored.ndim != 2:
        return "its pixels are colours"
    if stored.dtype.kind not in "iub":
        return f"its values are of type {stored.dtype}"
    values, counts = np.unique(stored, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def legend_of(counts: Mapping[int, int], named: Legend | None, notes: list[str], sampled: str) -> Legend:
    """The legend of masks with such values; `named` by the file that there is, if any.

    255 beside more than one other value, or beside 0 and 1, is ignored. Of two classes that are named in order, in
    masks of 0 and 255, 255 is the second.
    """
    values = sorted(counts)
    if named is not None:
        ordered = [*named.names] == [0, 1]
        if ordered and set(values) <= {0, IGNORED} and IGNORED in values:
            notes.append(f"the masks hold 0 and 255: 255 is {named.names[1]!r}")
            return Legend({0: named.names[0], IGNORED: named.names[1]})
        if IGNORED in values and IGNORED not in named.names:
            notes.append("pixels of the value 255 have no name and are ignored")
            return Legend({**named.names, IGNORED: None})
        return named
    ignored = IGNORED in values and (len(values) > 3 or set(values) >= {0, 1})
    names: dict[Key, str | None] = {value: str(value) for value in values if not (ignored and value == IGNORED)}
    notes.append(
        f"nothing names the values of the masks: they are called {some([str(name) for name in names.values()], 10)}"
        f"{' (255 is ignored)' if ignored else ''}, as {sampled} hold them; name them in classes.txt"
    )
    return Legend({**names, IGNORED: None} if ignored else names)


def classes_in(legend: Legend) -> tuple[str, ...]:
    """The classes in the order of their values, or as they are listed where these are colours."""
    keys = [key for key in legend.names if isinstance(key, int)]
    ordered = sorted(keys) if len(keys) == len(legend.names) else [*legend.names]
    named = [legend.names[key] for key in ordered]
    return tuple(dict.fromkeys(name for name in named if name is not None))
