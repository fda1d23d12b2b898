"""Images and masks of the same name: in two folders beside each other, or with `_mask` behind the name of the mask.

`images/` and `masks/` may lie in folders of parts, or have these in them. VOC's `JPEGImages/` and `SegmentationClass/`
are such a pair, with its lists of parts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from warmstart.data.annotations import Legend, Mask
from warmstart.data.names import IMAGES, some
from warmstart.data.sources.scenes.finder import part_named
from warmstart.data.sources.scenes.legends import (
    classes_in,
    found_values,
    legend_file,
    legend_of,
    read_legend,
)
from warmstart.data.sources.scenes.pictures import Found, Picture
from warmstart.data.sources.scenes.told import Told
from warmstart.data.sources.scenes.voc import part_lists
from warmstart.data.sources.walk import entries, walk

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages", "inputs", "input", "photos", "leftimg8bit")
MASK_FOLDERS = (
    "masks", "mask", "labels", "label", "annotations", "annotation", "gt", "ground_truth", "groundtruth",
    "segmentationclass", "segmentation", "segmentations", "targets", "target", "gtfine",
)  # fmt: skip
_ENDS = (
    "_mask", "-mask", "_masks", "_label", "_labels", "_gt", "_seg", "_segmentation", "_gtfine_labelids", "_target",
    "_annotation", "_labelids", "_lab", "_l", ".mask",
)  # fmt: skip
Matched = tuple[list[tuple[Path, Path]], list[Path], list[Path]]
"""See `matched`."""
_OTHER = ("_leftimg8bit", "_image", "_img", "_sat", "_rgb")
"""What names of images may have behind them in place of that."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """A folder of images and one of masks; the same folder where names tell which is which."""

    images: Path
    masks: Path


def find_pairs(root: Path) -> list[Pair]:
    """The folders that belong together, in `root` or in folders of parts in it; empty if there are none."""
    folders, _ = entries(root)
    parts = [folder for folder in folders if part_named(folder.name)]
    found = [pair for place in (root, *parts) if (pair := _pair(place)) is not None]
    return [pair for pair in found if matched(pair)[0]]


def masks_below(root: Path) -> list[Path]:
    """Masks that lie beside images below a folder."""
    return [mask for pair in find_pairs(root) for _, mask in matched(pair)[0]]


def _pair(place: Path) -> Pair | None:
    folders, files = entries(place)
    named = {folder.name.lower(): folder for folder in folders}
    images = next((named[name] for name in IMAGE_FOLDERS if name in named), None)
    for name in MASK_FOLDERS:
        if images is not None and name in named and any(IMAGES.names(path.name) for path in walk(named[name]).files):
            return Pair(images, named[name])
    stems = {path.stem.lower() for path in files if IMAGES.names(path.name)}
    together = not folders and any(_bare(stem) in stems for stem in stems if _bare(stem) != stem)
    return Pair(place, place) if together else None


def _bare(stem: str, ends: Sequence[str] = _ENDS) -> str:
    """A name without what says that it is that of a mask, or of an image beside masks, in lower case."""
    stem = stem.lower()
    for end in (*ends, *_OTHER):
        if stem.endswith(end) and len(stem) > len(end):
            return stem.removesuffix(end)
    return stem


def matched(pair: Pair, ends: Sequence[str] = _ENDS) -> Matched:
    """(image, mask) that belong together, images without a mask, and masks without an image.

    Args:
        pair: the folders.
        ends: what names of masks may have behind those of their images.
    """
    if pair.images == pair.masks:
        files = [path for path in entries(pair.images)[1] if IMAGES.names(path.name)]
        stems = {path.stem.lower() for path in files}
        masks = [path for path in files if _bare(path.stem) in stems and _bare(path.stem) != path.stem.lower()]
        images = [path for path in files if path not in set(masks)]
    else:
        images, masks = [*walk(pair.images).files], [*walk(pair.masks).files]
    at = {(path.relative_to(pair.masks).parent, path.stem.lower()): path for path in reversed(masks)}
    bare = {(folder, _bare(stem, ends)): path for (folder, stem), path in at.items()}
    both, without, used = [], [], set[Path]()
    for image in images:
        folder = image.relative_to(pair.images).parent
        exact = at.get((folder, image.stem.lower())) if pair.images != pair.masks else None
        mask = exact or bare.get((folder, image.stem.lower())) or bare.get((folder, _bare(image.stem)))
        if mask is None:
            without.append(image)
        else:
            both.append((image, mask))
            used.add(mask)
    return both, without, [mask for mask in masks if mask not in used]


def all_matched(found: Iterable[Matched], root: Path, told: Told) -> tuple[list[tuple[Path, Path]], list[str]]:
    """(image, mask) of all folders, and notes of images that are left out; masks without an image are told."""
    both, notes = list[tuple[Path, Path]](), list[str]()
    for here, without, alone in found:
        both += here
        for mask in alone:
            told.wrong("mask(s) of an image that is not there", mask.relative_to(root).as_posix())
        if without:
            names = some([path.relative_to(root).as_posix() for path in without], 3)
            notes.append(f"{len(without)} image(s) have no mask and are left out: {names}")
    return both, notes


def read_pairs(pairs: Sequence[Pair], root: Path, told: Told) -> Found:
    """The images of folders, each with its mask. Masks are decoded to find their values where nothing names them."""
    both, notes = all_matched(map(matched, pairs), root, told)
    legend, held = _legend([mask for _, mask in both], pairs, root, notes)
    lists = part_lists(root / "ImageSets" / "Segmentation")
    pictures: list[Picture] = []
    for image, mask in both:
        where = mask.relative_to(root).as_posix()
        known = tuple(name for value in sorted(held.get(mask, ())) if (name := legend.names.get(value)) is not None)
        folders = image.relative_to(root).parts[:-1]
        above = next((part for folder in folders if (part := part_named(folder)) is not None), None)
        part = lists.get(image.stem) if lists else above
        pictures.append(Picture(image, where, mask=Mask(mask, legend, known, where=where), part=part))
    if lists:
        unlisted = [picture for picture in pictures if picture.part is None]
        pictures = [picture for picture in pictures if picture.part is not None]
        if unlisted:
            notes.append(f"{len(unlisted)} image(s) are in no list of ImageSets/Segmentation and are left out")
    return Found(pictures, classes_in(legend), notes)


def _legend(
    masks: Sequence[Path], pairs: Sequence[Pair], root: Path, notes: list[str]
) -> tuple[Legend, dict[Path, frozenset[int]]]:
    """What the masks' values mean, and which of them some masks are known to have."""
    folders = dict.fromkeys(place for pair in pairs for place in (pair.masks, pair.masks.parent))
    file = legend_file([root, *folders])
    named = None if file is None else read_legend(file)
    if named is not None and any(isinstance(key, tuple) for key in named.names):
        return named, {}
    counts, each = found_values(masks)
    sampled = f"all {len(masks)} masks" if len(each) == len(masks) else f"{len(each)} of {len(masks)} masks"
    return legend_of(counts, named, notes, sampled), each
