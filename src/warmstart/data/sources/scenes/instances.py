"""Masks in which every object has a number of its own: each becomes a box with an outline.

What lies in `instances/` beside `images/` is such masks, and so are files that end in `_instanceIds`, as those of
Cityscapes do, which lie beside masks of classes. 0 is of no object. `instances.json` says of which class a number is,
in all masks or in each. Without it numbers are class * 1000 + object (Cityscapes), and the class has the name that a
file beside the data gives its number. A number below 1000 is then that of a class: of a group that nobody took apart,
where there are objects of this class, and otherwise of what has no objects, such as a road.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.data.annotations import Legend, Outline
from warmstart.data.masks import stored_values
from warmstart.data.names import clean, natural, some
from warmstart.data.pool import in_order
from warmstart.data.sources.scenes.finder import part_named
from warmstart.data.sources.scenes.legends import legend_file, read_legend
from warmstart.data.sources.scenes.pairs import IMAGE_FOLDERS, Matched, Pair, all_matched, matched
from warmstart.data.sources.scenes.pictures import Corners, Found, Marked, Picture
from warmstart.data.sources.scenes.told import Told
from warmstart.data.sources.textfile import read_text
from warmstart.data.sources.walk import entries
from warmstart.errors import DataError, WarmstartError
from warmstart.preprocess.tiles import image_size

FOLDER, FILE = "instances", "instances.json"
_ENDS = ("_gtfine_instanceids", "_instanceids", "_instances", "_instance")
_PER_CLASS = 1000
_WORKERS = 2
Objects = list[tuple[int, Corners, Outline]]
"""Number, box and outline of each."""
Classes = Callable[[Path, int], tuple[str | None, bool]]
"""Name of the class of a number in a mask, `None` for no object, and whether it is a group's. Raises `KeyError`."""


def find_instances(root: Path, *, mixed: bool = False) -> list[Pair]:
    """The folders that belong together, in `root` or in folders of parts in it; empty if there are none.

    Args:
        root: of the data.
        mixed: masks of instances may lie among those of classes, as those of Cityscapes do.
    """
    folders, _ = entries(root)
    places = (root, *(folder for folder in folders if part_named(folder.name)))
    found = [pair for place in places if (pair := _pair(place, mixed)) is not None]
    return [pair for pair in found if _matched(pair)[0]]


def read_instances(pairs: Sequence[Pair], root: Path, told: Told) -> Found:
    """The images of folders, and the objects that their masks have. Every mask is decoded.

    Raises:
        DataError: nothing says what is of which class, or `instances.json` is not understood.
    """
    both, notes = all_matched(map(_matched, pairs), root, told)
    places = list(dict.fromkeys([root, *(place for pair in pairs for place in (pair.masks, pair.masks.parent))]))
    masks = [mask for _, mask in both]
    found = dict(zip(masks, in_order(_objects, masks, workers=_WORKERS), strict=True))
    numbers = {number for each in found.values() if isinstance(each, list) for number, _, _ in each}
    classes_of = _classes_of(numbers, places, notes)
    pictures = []
    for image, mask in both:
        where, objects = mask.relative_to(root).as_posix(), found[mask]
        if isinstance(objects, str):
            told.wrong("mask(s) that cannot be read", f"{where} ({objects})")
            continue
        sizes = image_size(mask), image_size(image)
        if None not in sizes and sizes[0] not in (sizes[1], (sizes[1] or ())[::-1]):
            told.wrong(
                "mask(s) of another size than their image", f"{where} ({_by(sizes[0])}, and its image {_by(sizes[1])})"
            )
            continue
        part = next((p for folder in image.relative_to(root).parts[:-1] if (p := part_named(folder))), None)
        marks = _marks(mask, where, objects, classes_of, told)
        pictures.append(Picture(image, where, marks, size=sizes[0], part=part))
    classes = {mark.name for picture in pictures for mark in picture.marks}
    return Found(pictures, tuple(sorted(classes, key=natural)), notes)


def _pair(place: Path, mixed: bool) -> Pair | None:
    named = {folder.name.lower(): folder for folder in entries(place)[0]}
    images = next((named[name] for name in IMAGE_FOLDERS if name in named), None)
    masks = named.get(FOLDER) or (named.get("gtfine") if mixed else None)
    return None if images is None or masks is None else Pair(images, masks)


def _matched(pair: Pair) -> Matched:
    both, without, alone = matched(pair, _ENDS)
    if pair.masks.name.lower() == FOLDER:
        return both, without, alone
    ours = [(image, mask) for image, mask in both if mask.stem.lower().endswith(_ENDS)]
    return ours, without, []


def _objects(mask: Path) -> Objects | str:
    """The objects of a mask, or why there are none in words."""
    from scipy import ndimage  # a bundle answers without scipy

    try:
        stored = stored_values(mask, False)
    except WarmstartError as error:
        return error.found
    if stored.ndim != 2 or stored.dtype.kind not in "iub":
        return "its pixels are colours or shares, and no numbers of objects"
    values, at = np.unique(stored, return_inverse=True)
    index = at.reshape(stored.shape) + 1
    found: Objects = []
    for i, (number, place) in enumerate(zip(values.tolist(), ndimage.find_objects(index), strict=True), start=1):
        if number:
            rows, columns = place
            covered = np.zeros((len(stored), columns.stop - columns.start), np.bool_)
            covered[rows] = index[place] == i
            box = (float(columns.start), float(rows.start), float(columns.stop), float(rows.stop))
            code = {"size": list(stored.shape), "counts": _runs(covered, columns.start, stored.shape)}
            found.append((number, box, Outline(rle=code)))
    return found


def _runs(covered: Any, first: int, shape: Sequence[int]) -> list[int]:
    """Lengths of what is not and what is covered in turns, down the columns, of which the first is number `first`."""
    flat = covered.ravel(order="F")
    turns = np.flatnonzero(np.diff(flat, prepend=False, append=False)) + first * shape[0]
    return [int(n) for n in np.diff(turns, prepend=0, append=shape[0] * shape[1])]


def _classes_of(numbers: set[int], places: Sequence[Path], notes: list[str]) -> Classes:
    file = next((place / FILE for place in places if (place / FILE).is_file()), None)
    if file is not None:
        return _by_file(_read(file), file)
    things = {number // _PER_CLASS for number in numbers if number >= _PER_CLASS}
    if numbers and not things:
        few = some([str(number) for number in sorted(numbers)])
        raise DataError(
            f"masks hold the numbers {few}, and nothing says of which class each is",
            expected=f"{FILE} with {{number: class}} or {{mask: {{number: class}}}}, or class * 1000 + object",
            do=f"write {FILE} beside {FOLDER}/",
        )
    named = legend_file(places)
    legend = read_legend(named) if named is not None else Legend({thing: str(thing) for thing in things})
    if named is None and things:
        notes.append(
            f"nothing names the classes of the objects: they are called {some([str(t) for t in sorted(things)], 10)}, "
            f"as their numbers begin; name them in classes.txt"
        )

    def by_number(mask: Path, number: int) -> tuple[str | None, bool]:  # noqa: ARG001 - the same in all masks
        group = number < _PER_CLASS
        kind = number if group else number // _PER_CLASS
        return (None, True) if group and kind not in things else (legend.names[kind], group)

    return by_number


def _by_file(said: Mapping[str, Any], file: Path) -> Classes:
    """By `{number: class}`, or `{name of the mask: {number: class}}`; a class of null is none."""
    nested = {name: each for name, each in said.items() if isinstance(each, dict)}
    if nested and len(nested) != len(said):
        raise DataError(f"{file} has numbers and masks", expected="{number: class}, or {mask: {number: class}}")

    def classes(mask: Path, number: int) -> tuple[str | None, bool]:
        own = nested.get(mask.name, nested.get(mask.stem, {})) if nested else said
        name = own[str(number)]
        return (None if name is None else clean(str(name))), False

    return classes


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(read_text(file)[0])
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is no JSON: {str(error)[:200]}", expected="{number: class}") from error
    if not isinstance(content, dict) or not content:
        raise DataError(f"{file} holds no object", expected="{number: class}, or {mask: {number: class}}")
    return content


def _marks(mask: Path, where: str, objects: Objects, classes_of: Classes, told: Told) -> list[Marked]:
    found = []
    for number, box, outline in objects:
        try:
            name, group = classes_of(mask, number)
        except KeyError:
            told.wrong("object(s) of a number that no class is known of", f"{where} (number {number})")
            continue
        if name is not None:
            found.append(Marked(name, box, f"{where} object {number}", outline, group))
    return found


def _by(size: tuple[int, int] | None) -> str:
    return "unknown" if size is None else f"{size[0]} x {size[1]}"
