"""Which images a YOLO data set has, in which parts, and what its classes are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warmstart.data.names import PARTS, clean, natural
from warmstart.data.schema import SplitName
from warmstart.data.sources.scenes.classlists import one_taken
from warmstart.data.sources.scenes.finder import part_named
from warmstart.data.sources.scenes.layout import YAML, yolo_file
from warmstart.data.sources.scenes.yolo import NAMES, names_in
from warmstart.data.sources.textfile import read_text
from warmstart.data.sources.walk import entries, is_file, is_folder, walk
from warmstart.errors import DataError

Images = list[tuple[Path, SplitName | None]]


def images_of(root: Path, file: Path | None, notes: list[str]) -> tuple[Images, dict[int, str], bool]:
    """(images with their part, names of classes by index, whether lines have key points).

    Raises:
        DataError: `data.yaml` names a folder or a list that is not there, or its names are not understood.
    """
    if file is None:
        places = [path for place in (root, root / "labels") for name in NAMES if is_file(path := place / name)]
        named = next((names for path in places if (names := _listed(path))), {})
        return _by_folders(root), named, False
    content = yolo_file(file)
    names = names_in(content.get("names"))
    if not names:
        raise DataError(
            f"{file}: names are {str(content.get('names'))[:80]!r}",
            expected="a list of the classes' names, or an object index: name",
        )
    count = content.get("nc")
    if isinstance(count, int) and count != len(names):
        notes.append(f"{file.name} says {count} classes and names {len(names)}")
    notes += one_taken({file.name: names, **_other_lists(root, file)})
    base = _base(content.get("path"), file, notes)
    images: Images = []
    for key in dict.fromkeys(["train", *PARTS]):
        found = content.get(key)
        for entry in found if isinstance(found, list) else [found] if found else []:
            images += [(path, PARTS[key]) for path in _entry(str(entry), base, file, key, notes)]
    return images, names, "kpt_shape" in content


def _other_lists(root: Path, file: Path) -> dict[str, dict[int, str]]:
    """What other files that lie where people have them call the classes."""
    places = [place for place in (root, root / "labels") if is_folder(place)]
    found = {path: _listed(path) for place in places for name in NAMES if is_file(path := place / name)}
    for path in entries(root)[1]:
        if path != file and path.suffix.lower() in YAML and (names := names_in(yolo_file(path).get("names"))):
            found[path] = names
    return {path.relative_to(root).as_posix(): names for path, names in found.items()}


def _listed(path: Path) -> dict[int, str]:
    lines = [clean(line.strip()) for line in read_text(path)[0].splitlines() if line.strip()]
    return dict(enumerate(lines))


def _by_folders(root: Path) -> Images:
    """`images/` with parts in it or without, or parts with `images/` in them."""
    found: Images = []
    for place in (root, *(folder for folder in entries(root)[0] if part_named(folder.name))):
        if is_folder(place / "images"):
            above = None if place == root else part_named(place.name)
            for path in _sorted(walk(place / "images").files):
                inner = path.relative_to(place / "images").parts[:-1]
                found.append((path, above or next((p for name in inner if (p := part_named(name))), None)))
    return found


def _base(path: Any, file: Path, notes: list[str]) -> Path:
    """Where the paths of the parts begin: the folder that the file names, if it is there, else its own."""
    for place in (file.parent / str(path), Path(str(path))) if path else ():
        if is_folder(place):
            return place
    if path:
        notes.append(f"there is no folder {clean(str(path))}, which {file.name} names: paths begin beside {file.name}")
    return file.parent


def _entry(entry: str, base: Path, file: Path, key: str, notes: list[str]) -> list[Path]:
    """The images of a folder or of a list of paths."""
    place = _existing(entry, base, file)
    if place is None:
        if key in ("test", "testing"):  # often a part that nobody has
            notes.append(f"{file.name} names {clean(entry)} for {key}, which is not there")
            return []
        raise DataError(
            f"{file}: there is no {clean(entry)} for {key}",
            expected="a folder of images, or a text file with the path of one in each line",
            do=f"mend the path; they begin at {base}",
        )
    if is_folder(place):
        return _sorted(walk(place).files)
    lines = [line.strip() for line in read_text(place)[0].splitlines() if line.strip()]
    return [next((path for path in (place.parent / line, base / line) if is_file(path)), base / line) for line in lines]


def _existing(entry: str, base: Path, file: Path) -> Path | None:
    """As it is written; without the leading `../` that Roboflow writes; or its last folders, of another machine."""
    written = Path(entry.replace("\\", "/"))
    parts = [part for part in written.parts if part not in ("..", ".", written.anchor)]
    tails = [Path(*parts[i:]) for i in range(len(parts))]
    places = [base / written, file.parent / written, *(top / tail for tail in tails for top in (base, file.parent))]
    return next((place for place in places if is_folder(place) or is_file(place)), None)


def _sorted(paths: Sequence[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: natural(path.as_posix()))
