"""From what a reader of annotations found to a data set: sizes by the images' headers, faults told, labels made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from warmstart.data.annotations import Boxes, Mask
from warmstart.data.names import clean, natural, some, unique
from warmstart.data.parts import check_parts
from warmstart.data.scenes import BoxTarget, MaskTarget, SceneTarget
from warmstart.data.schema import Dataset, Sample, SplitName
from warmstart.data.sources.rows import OnMissing
from warmstart.data.sources.scenes.pairs import masks_below
from warmstart.data.sources.scenes.pictures import Found, Picture, Size, boxes_from, scaled, turned, usable
from warmstart.data.sources.scenes.told import Told
from warmstart.data.sources.times import EXIF, as_times, photo_times
from warmstart.data.sources.walk import is_file, walk
from warmstart.errors import DataError
from warmstart.preprocess.reader import orientation
from warmstart.preprocess.tiles import image_size

BACKGROUND = "background"
_TURNS = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


def dataset_of(
    found: Found,
    told: Told,
    *,
    segment: bool,
    root: Path,
    name: str,
    whole: bool,
    group: str | None,
    time: str | None,
    on_missing: OnMissing,
) -> Dataset:
    """The data set of pictures.

    Args:
        found: by a reader.
        told: what it found wrong.
        segment: a class for every pixel is asked for, else boxes.
        root: ids of samples are paths relative to it.
        name: of the data set.
        whole: everything below `root` belongs to the data: images that no annotation knows are told.
        group: "folder" for the first folder below that of the images, or a column, which the reader has read.
        time: "exif", or a column, which the reader has read.
        on_missing: "skip" leaves out what is wrong.

    Raises:
        DataError: something is wrong and not to be skipped, or nothing is left.
    """
    notes = list(found.notes)
    pictures = [picture for picture in found.pictures if _is_there(picture, told)]
    kept = [picture for picture in _once(pictures, told) if _measured(picture, segment, told)]
    kept.sort(key=lambda picture: natural(_id(picture.path, root)))
    if not segment:  # a mask's classes are known when it is decoded
        _teachable(kept, told)
    notes = [*told.settle(on_missing), *notes]
    if whole:
        notes += _unknown(root, found.pictures)
    target = _target(found, kept, segment, notes)
    ids = unique([_id(picture.path, root) for picture in kept])
    groups = _groups(kept) if group == "folder" else [picture.group for picture in kept]
    times = _times(kept, time, notes)
    labels = [_label(picture, segment) for picture in kept]
    samples = tuple(
        Sample(name, picture.path, label, of, picture.part, at)
        for name, picture, label, of, at in zip(ids, kept, labels, groups, times, strict=True)
    )
    dataset = Dataset(samples, target, name, root, tuple(notes))
    check_parts(dataset)
    return dataset


def _is_there(picture: Picture, told: Told) -> bool:
    if is_file(picture.path):
        return True
    told.wrong("annotation(s) of an image that is not there", f"{picture.where} ({clean(picture.path.name)})")
    return False


def _plain(path: Path) -> str:
    """A path in one form, without `..`; links stay what they are."""
    return os.path.normpath(path.absolute())


def _once(pictures: Sequence[Picture], told: Told) -> list[Picture]:
    """Each image once in each part."""
    seen: dict[tuple[str, SplitName | None], Picture] = {}
    for picture in pictures:
        first = seen.setdefault((_plain(picture.path), picture.part), picture)
        if first is not picture:
            both = f"{clean(picture.path.name)}: {first.where} and {picture.where}"
            told.wrong("image(s) that are annotated twice", both)
    return list(seen.values())


def _measured(picture: Picture, segment: bool, told: Told) -> bool:
    """Bring the objects to pixels of the upright image; false if the annotation cannot be of this image."""
    size, called = image_size(picture.path), clean(picture.path.name)
    if size is None:  # it cannot be read, which whoever decodes it says
        picture.marks = [] if picture.shares else picture.marks
        return True
    if picture.mask is not None:
        return _fits(picture, picture.mask, size, told)
    if picture.shares:
        picture.marks = [scaled(mark, *size) for mark in picture.marks]
    elif picture.size not in (None, size) and not _turn(picture, size, told):
        return False
    picture.marks = usable(picture.marks, size, called, told)
    if segment and (without := [mark for mark in picture.marks if mark.outline is None]):
        for mark in without:
            told.wrong("object(s) with a box and no outline", f"{mark.where} ({called})")
        picture.marks = [mark for mark in picture.marks if mark.outline is not None]
    return True


def _turn(picture: Picture, size: Size, told: Told) -> bool:
    said, called = picture.size or size, clean(picture.path.name)
    both = f"{picture.where} ({called}: {said[0]} x {said[1]}, and the image is {size[0]} x {size[1]})"
    turn = orientation(picture.path)
    if said == size[::-1] and turn in _TURNS:
        told.odd("image(s) are turned by EXIF, and their boxes, drawn before that, with them", both)
        picture.marks = [turned(mark, said, turn) for mark in picture.marks]
        return True
    if abs(said[0] - size[0]) <= 1 and abs(said[1] - size[1]) <= 1:
        told.odd("image(s) are a pixel larger or smaller than their annotation says", both)
        return True
    told.wrong("annotation(s) of an image of another size", both)
    return False


def _fits(picture: Picture, mask: Mask, size: Size, told: Told) -> bool:
    assert isinstance(mask.source, Path)
    found = image_size(mask.source)
    if found is None:
        told.wrong("mask(s) that cannot be read", picture.where)
        return False
    if found == size or (found == size[::-1] and orientation(picture.path) in _TURNS):
        return True
    both = f"{picture.where} ({found[0]} x {found[1]}, and its image {size[0]} x {size[1]})"
    told.wrong("mask(s) of another size than their image", both)
    return False


def _teachable(pictures: Sequence[Picture], told: Told) -> None:
    """Take from validation and test the objects of classes that train lacks, and tell them; of no train part, none."""
    train = {mark.name for picture in pictures if picture.part in (None, "train") for mark in picture.marks}
    for picture in pictures if train else ():
        for mark in (mark for mark in picture.marks if mark.name not in train):
            what = f"object(s) in the {picture.part} part of a class that train does not have (rename it as in train?)"
            told.wrong(what, f"{mark.where} ({mark.name} in {clean(picture.path.name)})")
        picture.marks = [mark for mark in picture.marks if mark.name in train]


def _label(picture: Picture, segment: bool) -> Boxes | Mask:
    if picture.mask is not None:
        return picture.mask
    boxes = boxes_from(picture.marks, picture.where)
    if not segment:
        return boxes
    names = tuple(dict.fromkeys((BACKGROUND, *boxes.names)))
    return Mask(boxes, names=names, background=BACKGROUND, where=picture.where)


def _target(found: Found, kept: Sequence[Picture], segment: bool, notes: list[str]) -> SceneTarget:
    """The classes that there are objects of; of masks, all that have a name."""
    if kept and kept[0].mask is not None:
        if len(found.classes) < 2:
            raise DataError(f"the masks have one class: {some(found.classes)}", expected="two or more classes")
        return MaskTarget(found.classes)
    used = {mark.name for picture in kept for mark in picture.marks}
    if not used:
        raise DataError(
            f"{len(kept)} image(s), and nothing is marked in any" if kept else "no annotated image is found",
            expected="images with objects marked in some of them",
        )
    if empty := [name for name in found.classes if name not in used]:
        notes.append(f"{len(empty)} class(es) have no object and are left out: {some(empty)}")
    classes = tuple(name for name in found.classes if name in used)
    _similar(classes, notes)
    if segment:
        return MaskTarget(tuple(dict.fromkeys((BACKGROUND, *classes))))
    return BoxTarget(classes)


def _similar(classes: Sequence[str], notes: list[str]) -> None:
    spelled: dict[str, list[str]] = {}
    for name in classes:
        spelled.setdefault("".join(c for c in name.casefold() if c.isalnum()), []).append(name)
    if twice := [" and ".join(names) for names in spelled.values() if len(names) > 1]:
        notes.append(f"classes that differ in spelling alone: {some(twice)}")


def _unknown(root: Path, pictures: Sequence[Picture]) -> list[str]:
    """Notes on images below the folder that no annotation knows; masks are told apart from them."""
    masks = {_plain(path) for path in masks_below(root)}
    known = {_plain(picture.path) for picture in pictures} | masks
    left = [path for path in walk(root).files if _plain(path) not in known]
    names = some([clean(path.relative_to(root).as_posix()) for path in left], 3)
    notes = [f"{len(masks)} mask(s) lie there too: the task 'segment' learns from them"] if masks else []
    return [*notes, *([f"{len(left)} image(s) are in no annotation and are left out: {names}"] if left else [])]


def _id(path: Path, root: Path) -> str:
    return clean((path.relative_to(root) if path.is_relative_to(root) else path).as_posix())


def _groups(pictures: Sequence[Picture]) -> list[str | None]:
    """The first folder below that in which all images of a part lie."""
    places: dict[SplitName | None, list[str]] = {}
    for picture in pictures:
        places.setdefault(picture.part, []).append(str(picture.path.parent))
    bases = {part: Path(os.path.commonpath(folders)) for part, folders in places.items()}
    below = [picture.path.parent.relative_to(bases[picture.part]).parts for picture in pictures]
    return [clean(parts[0]) if parts else None for parts in below]


def _times(pictures: Sequence[Picture], time: str | None, notes: list[str]) -> Sequence[float | None]:
    if time is None:
        return [None] * len(pictures)
    if time == EXIF:
        return photo_times([Sample(picture.where, picture.path) for picture in pictures])
    return as_times([picture.time for picture in pictures], notes)
