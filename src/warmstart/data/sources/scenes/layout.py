"""Which form annotations of images have, by the names of files and folders and the beginnings of some."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from warmstart.data.names import clean, some
from warmstart.data.sources.reading import TABLES, head, is_table
from warmstart.data.sources.scenes.boxtable import box_columns
from warmstart.data.sources.scenes.finder import part_named
from warmstart.data.sources.scenes.instances import find_instances
from warmstart.data.sources.scenes.pairs import Pair, find_pairs
from warmstart.data.sources.scenes.yolo import image_of
from warmstart.data.sources.walk import entries, is_file, is_folder
from warmstart.errors import DataError

Form = Literal["coco", "yolo", "voc", "table", "pairs", "instances"]
YAML = (".yaml", ".yml")
_HEAD = 1 << 16
_MOST = 50
"""Files of a folder that are looked into."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """A form, the folder of the data, and the files or pairs of folders that are read first."""

    form: Form
    root: Path
    files: tuple[Path, ...] = ()
    pairs: tuple[Pair, ...] = ()


def layout_of(data: Any, task: str | None = None) -> Layout | None:
    """The form of data that the user named, or `None` where it holds no annotations of images.

    With several, masks are taken for "segment" and boxes for all else.
    """
    if task not in (None, "detect", "segment"):
        return None
    if isinstance(data, str):
        data = Path(data)
    try:
        if isinstance(data, Path) and is_folder(data):
            return _of_folder(data, task)
        if isinstance(data, Path) and is_file(data):
            return _of_file(data)
        if is_table(data):
            return Layout("table", Path()) if box_columns(head(data)[0]) else None
    except (DataError, OSError):  # whoever reads it says what is wrong
        return None
    return None


def beside(layout: Layout) -> list[str]:
    """Notes on annotations in another form that lie beside those that are read: XML files of a table, and tables of XML
    files.
    """
    if layout.form not in ("table", "voc") or not layout.files:
        return []
    files = entries(layout.files[0].parent if layout.form == "table" else layout.root)[1]
    if layout.form == "table":
        xml = [file for file in files if file.suffix.lower() == ".xml"]
        left = xml if any(map(_is_voc, xml[:_MOST])) else []
        read = layout.files[0].name
    else:
        left = [file for file in files if file.suffix.lower() in TABLES and box_columns(head(file)[0])]
        read = "the XML files"
    return [f"boxes are read from {read}, and not from {some([clean(f.name) for f in left], 3)}"] if left else []


def _of_file(file: Path) -> Layout | None:
    ending = file.suffix.lower()
    if ending == ".json" and _is_coco(file):
        inside = file.parent.name.lower() in ("annotations", "labels")
        return Layout("coco", file.parent.parent if inside else file.parent, (file,))
    if ending in YAML and _is_yolo(file):
        return Layout("yolo", file.parent, (file,))
    if ending in TABLES and box_columns(head(file)[0]):
        return Layout("table", file.parent, (file,))
    return None


def _of_folder(root: Path, task: str | None) -> Layout | None:
    folders, files = entries(root)
    pairs = tuple(find_pairs(root))
    if pairs and task == "segment":
        return Layout("pairs", root, pairs=pairs)
    if instances := tuple(find_instances(root, mixed=task == "detect")):
        return Layout("instances", root, pairs=instances)
    if yolo := [file for file in files if file.suffix.lower() in YAML and _is_yolo(file)]:
        return Layout("yolo", root, (yolo[0],))
    parts = [folder for folder in folders if part_named(folder.name)]
    annotations = [folder for folder in folders if folder.name.lower() in ("annotations", "labels")]
    inner = [file for folder in (*annotations, *parts) for file in entries(folder)[1]]
    if coco := _coco_files([*files, *inner]):
        return Layout("coco", root, coco)
    deep = [folder for part in parts for folder in entries(part)[0] if folder.name.lower() == "annotations"]
    listed = [*files, *inner, *(file for folder in deep for file in entries(folder)[1])]
    if (xml := [file for file in listed if file.suffix.lower() == ".xml"]) and any(map(_is_voc, xml[:_MOST])):
        return Layout("voc", root, tuple(file for file in xml if _is_voc(file)))
    if _labelled_by_text(root, parts):
        return Layout("yolo", root)
    return Layout("pairs", root, pairs=pairs) if pairs else None


def _coco_files(files: Sequence[Path]) -> tuple[Path, ...]:
    """Those of objects, where there are also some of captions or key points."""
    named = [file for file in files if file.suffix.lower() == ".json"]
    found = [file for file in named[:_MOST] if _is_coco(file)]
    objects = [file for file in found if "instances" in file.stem.lower()]
    return tuple(objects or found)


def _is_coco(file: Path) -> bool:
    """Whether a JSON file is likely to be annotations of COCO's: by its first and last bytes, for it may be large."""
    with file.open("rb") as opened:
        text = opened.read(_HEAD)
        opened.seek(max(0, file.stat().st_size - _HEAD))
        text += opened.read(_HEAD)
    return (
        text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
        and b'"categories"' in text
        and (b'"images"' in text or b'"annotations"' in text)
    )


def _is_voc(file: Path) -> bool:
    with file.open("rb") as opened:
        return b"<annotation" in opened.read(1024)


def _is_yolo(file: Path) -> bool:
    content = yolo_file(file)
    return "names" in content and any(part in content for part in ("train", "val", "test", "path"))


def yolo_file(file: Path) -> dict[str, Any]:
    """What a YAML file holds; nothing if it is no object, or no YAML."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig")) if file.stat().st_size < 1 << 20 else None
    except (ValueError, RecursionError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _labelled_by_text(root: Path, parts: Sequence[Path]) -> bool:
    """Whether `labels/` beside `images/`, perhaps with or in folders of parts, holds text files named as the images."""
    for place in (root, *parts):
        images, labels = place / "images", place / "labels"
        if not (is_folder(images) and is_folder(labels)):
            continue
        folders = [folder.name for folder in entries(labels)[0]]
        for inner in ("", *folders):
            texts = (
                [file for file in entries(labels / inner)[1] if file.suffix == ".txt"]
                if is_folder(labels / inner)
                else []
            )
            if any(image_of(file, images / inner) for file in texts[:_MOST]):
                return True
    return False
