"""Annotations as Pascal VOC has them: an XML file for each image, beside it or in `Annotations/`, and lists of parts.

VOC counts pixels from 1 and names the first and the last pixel of an object, so its box reaches from `xmin - 1` to
`xmax`. Many tools write edges that count from 0 in the same form. The rule: if any corner in the data is below 1, all
are taken as edges that count from 0; else 1 is taken from `xmin` and `ymin`. A note says which.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from warmstart.data.names import IMAGES, clean, natural
from warmstart.data.schema import SplitName
from warmstart.data.sources.scenes.finder import ImageFinder, part_named
from warmstart.data.sources.scenes.pictures import Corners, Found, Marked, Picture
from warmstart.data.sources.scenes.told import Told, spoken
from warmstart.data.sources.textfile import read_text
from warmstart.data.sources.walk import entries, is_file, is_folder

IMAGE_FOLDERS = ("JPEGImages", "images", "Images")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(files: Sequence[Path], root: Path, told: Told) -> Found:
    """The images of XML files, and what is marked in each.

    Objects marked as difficult are crowds: detections may hit them without being counted, as VOC has it.
    """
    finder, notes = ImageFinder(root), list[str]()
    parts = part_lists(root / "ImageSets" / "Main")
    pictures = [
        picture
        for file, called in spoken(files).items()
        if (picture := _picture(file, called, parts, finder, told)) is not None and picture.path
    ]
    if parts and (listed := [p for p in pictures if p.part is None]):
        notes.append(f"{len(listed)} image(s) are in no list of ImageSets/Main and are left out: {listed[0].path.name}")
        pictures = [picture for picture in pictures if picture.part is not None]
    corners = [mark.xyxy for picture in pictures for mark in picture.marks]
    if corners and min(min(xyxy[:2]) for xyxy in corners) >= 1:
        notes.append("corners count from 1 and name pixels, as VOC has it: boxes reach from xmin - 1 to xmax")
        for picture in pictures:
            picture.marks = [_from_one(mark) for mark in picture.marks]
    elif corners:
        notes.append("corners count from 0, since some are below 1: boxes reach from xmin to xmax")
    if hard := sum(mark.crowd for picture in pictures for mark in picture.marks):
        notes.append(f"{hard} object(s) are marked as difficult: they are neither learned from nor counted")
    names = {mark.name for picture in pictures for mark in picture.marks}
    return Found(pictures, tuple(sorted(names, key=natural)), notes)


def part_lists(place: Path) -> dict[str, SplitName]:
    """Which part each image is in (by its name without an ending), as lists called train.txt, val.txt, test.txt say."""
    found: dict[str, SplitName] = {}
    for file in entries(place)[1] if is_folder(place) else []:
        part = part_named(file.stem)
        if part is not None and file.suffix == ".txt" and file.stem.isalpha():  # aeroplane_train.txt is of one class
            for line in read_text(file)[0].splitlines():
                if line.strip():
                    found.setdefault(Path(line.split()[0]).stem, part)
    return found


def _from_one(mark: Marked) -> Marked:
    left, upper, right, lower = mark.xyxy
    return dataclasses.replace(mark, xyxy=(left - 1, upper - 1, right, lower))


def _picture(file: Path, where: str, parts: Mapping[str, SplitName], finder: ImageFinder, told: Told) -> Picture | None:
    tree = _tree(file, where, told)
    if tree is None:
        return None
    name = clean(tree.findtext("filename") or "")
    path = _image(file, name, finder)
    part = parts.get(file.stem, parts.get(Path(name).stem)) if parts else _part_above(file, finder.root)
    size = tree.find("size")
    sides = [_number(size, key) for key in ("width", "height")] if size is not None else [0.0, 0.0]
    known = all(side >= 1 for side in sides)
    picture = Picture(path, where, size=(int(sides[0]), int(sides[1])) if known else None, part=part)
    for i, found in enumerate(tree.iter("object"), start=1):
        at = f"{where} object {i}"
        called, box = clean((found.findtext("name") or "").strip()), found.find("bndbox")
        if not called:
            told.wrong("object(s) without a name", at)
        elif box is None:
            told.wrong("object(s) without a box", at)
        else:
            xmin, ymin, xmax, ymax = (_number(box, key) for key in _CORNERS)
            corners: Corners = (xmin, ymin, xmax, ymax)
            picture.marks.append(Marked(called, corners, at, crowd=(found.findtext("difficult") or "").strip() == "1"))
    return picture


def _tree(file: Path, where: str, told: Told) -> ElementTree.Element | None:
    text = read_text(file)[0]
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities can make a small file endless
        told.wrong("XML file(s) that define what XML is, which annotations do not", where)
        return None
    try:
        return ElementTree.fromstring(text.encode().removeprefix(b"\xef\xbb\xbf"))
    except (ElementTree.ParseError, ValueError) as error:
        told.wrong("XML file(s) that cannot be read", f"{where} ({error})")
        return None


def _image(file: Path, name: str, finder: ImageFinder) -> Path:
    """By the name that is written, else by that of the XML file."""
    above = file.parent.parent
    places = [file.parent, *(place / inner for place in (above, finder.root) for inner in IMAGE_FOLDERS), above]
    for place in places:
        if name and is_file(place / Path(name.replace("\\", "/")).name):
            return place / Path(name.replace("\\", "/")).name
        for ending in sorted(IMAGES.endings):
            if is_file(place / f"{file.stem}{ending}"):
                return place / f"{file.stem}{ending}"
    return finder.find(name, [], part_named(file.parent.name)) or file.parent / (name or file.stem)


def _part_above(file: Path, root: Path) -> SplitName | None:
    return next((part for name in file.relative_to(root).parts[:-1] if (part := part_named(name))), None)


def _number(of: ElementTree.Element, key: str) -> float:
    try:
        return float(of.findtext(key) or "nan")
    except ValueError:
        return float("nan")
