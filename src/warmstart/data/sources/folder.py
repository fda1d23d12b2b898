"""A folder with one folder per class, with or without train/val/test folders above them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from warmstart.data.schema import ClassTarget, Dataset, Sample, SplitName
from warmstart.data.sources.names import PARTS, hidden, is_image, natural
from warmstart.errors import DataError

EXPECTED = "DATA/<class>/<image>, or DATA/train/<class>/<image> with val/ and test/ beside train/"


def load_folder(root: Path, *, group: str | None = None) -> Dataset:
    """Read the layout; no image is opened.

    Args:
        root: the folder.
        group: `"folder"` makes the folder that an image lies in, below its class, its group (a patient, a site).

    Raises:
        DataError: the layout is not understood; shows what was found beside what was expected.
    """
    if group not in (None, "folder"):
        raise DataError(
            f"group {group!r} for a folder of images",
            expected="'folder': the folder below the class that an image lies in",
            do="for other groups give a table with a column for it",
        )
    notes: list[str] = []
    parts = {d: PARTS[d.name.lower()] for d in _folders(root) if d.name.lower() in PARTS}
    if "train" in parts.values():
        others = [d.name for d in _folders(root) if d not in parts]
        if others:
            notes.append(f"folders beside train/ that are no part of a split are passed over: {', '.join(others)}")
        samples = [s for d, part in parts.items() for s in _classes(root, d, part, group, notes)]
    else:
        samples = list(_classes(root, root, None, group, notes))
    classes = _check(root, samples, notes)
    return Dataset(tuple(samples), ClassTarget(classes), root.resolve().name, root, tuple(notes))


def _classes(root: Path, place: Path, part: SplitName | None, group: str | None, notes: list[str]) -> Iterator[Sample]:
    for folder in _folders(place):
        images, other = _files(folder)
        if other:
            notes.append(f"{other} file(s) in {folder.relative_to(root).as_posix()} are no images and are passed over")
        for path in images:
            within = path.relative_to(folder).parts
            of = f"{folder.name}/{within[0]}" if group and len(within) > 1 else None
            yield Sample(path.relative_to(root).as_posix(), path, folder.name, of, part)


def _check(root: Path, samples: list[Sample], notes: list[str]) -> tuple[str, ...]:
    """Class names, in natural order; raises if this is no data set."""
    train = Counter(s.label for s in samples if s.split in (None, "train"))
    classes = tuple(sorted((str(label) for label in train), key=natural))
    empty = [d.relative_to(root).as_posix() for d in _class_folders(root) if not _files(d)[0]]
    if not samples:
        raise DataError(f"no images in class folders under {root}\n{tree(root)}", expected=EXPECTED)
    if empty:
        raise DataError(
            f"class folder(s) without an image: {', '.join(empty)}\n{tree(root)}",
            expected="at least one image in each class folder",
            do="fill or remove them; if an image format is not known, convert the files",
        )
    if len(classes) < 2:
        raise DataError(
            f"only one class: {', '.join(classes) or 'none'}\n{tree(root)}", expected=f"two or more classes: {EXPECTED}"
        )
    for part in ("val", "test"):
        here = {str(s.label) for s in samples if s.split == part}
        if unseen := sorted(here - set(classes), key=natural):
            raise DataError(
                f"class(es) in {part}/ that train/ does not have: {', '.join(unseen)}",
                expected=f"some of {', '.join(classes)}",
                do="rename them, or add training images",
            )
        if here and (missing := [c for c in classes if c not in here]):
            notes.append(f"{part}/ has no image of: {', '.join(missing)}; they are not evaluated there")
    return classes


def _class_folders(root: Path) -> list[Path]:
    top = _folders(root)
    parts = [d for d in top if d.name.lower() in PARTS]
    if any(PARTS[d.name.lower()] == "train" for d in parts):
        return [c for d in parts for c in _folders(d)]
    return top


def _folders(place: Path) -> list[Path]:
    return sorted((p for p in place.iterdir() if p.is_dir() and not hidden(p)), key=lambda p: natural(p.name))


def _files(folder: Path) -> tuple[list[Path], int]:
    """Images below a folder in natural order, and how many other files there are. Loops of links are entered once."""
    images: list[Path] = []
    other, seen = 0, set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [d for d in folders if not hidden(Path(d))]
        paths = [Path(place) / f for f in files if not hidden(Path(f))]
        images += [p for p in paths if is_image(p)]
        other += sum(not is_image(p) for p in paths)
    return sorted(images, key=lambda p: natural(p.relative_to(folder).as_posix())), other


def images_below(folder: Path) -> list[Path]:
    """All images below a folder, whatever its layout, in natural order."""
    return _files(folder)[0]


def tree(root: Path, lines: int = 12) -> str:
    """The first lines of the folder's tree, with counts, to be shown in an error."""
    shown = [f"found in {root}:"]
    for place in [root, *_folders(root)]:
        direct = [p for p in place.iterdir() if p.is_file() and not hidden(p)]
        folders = _folders(place)
        name = "./" if place == root else f"{place.name}/"
        listed = ", ".join(f"{d.name}/" for d in folders[:5]) + (", ..." if len(folders) > 5 else "")
        shown.append(f"  {name}  {len(direct)} file(s), {len(folders)} folder(s) {listed}".rstrip())
        if len(shown) > lines:
            return "\n".join([*shown, "  ..."])
    return "\n".join(shown)
