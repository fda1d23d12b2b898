"""What was found in images, as files for other programs (COCO's JSON, PNG masks, GeoJSON) and pictures to look at.

A folder of them is there whole or not at all:

    boxes.json          all boxes, with outlines if there are any, as COCO has results with images and categories
    masks/NAME.png      a mask for each image, the index of a class in every pixel, in colours
    masks/legend.json   which class each index is: a folder that `fit` reads again
    drawn/NAME.jpg      what was found, drawn on the image
    map/NAME.geojson    the same on the map, of images that say where they lie
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from warmstart.data.drawing import colours, draw_boxes, draw_mask, scaled
from warmstart.data.schema import Sample
from warmstart.files import write_json
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.image import to_image
from warmstart.preprocess.opening import MAX_PIXELS
from warmstart.preprocess.resample import preview
from warmstart.preprocess.rows import opened_rows
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import image_size, read_stored
from warmstart.shipping.georeference import of_boxes, of_mask, place_of
from warmstart.shipping.scenes import pixels_of

Row = dict[str, Any]
DRAWN = 2048
"""Pixels of the longer side of a picture, at most."""
_ROWS = 64
"""Of a smaller picture that are made at a time."""


class SceneFiles:
    """Writes what was found into `folder`, which exists, image by image.

    Args:
        folder: where to.
        classes: names of the classes, in the order of indices.
    """

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        self._folder, self._classes = folder, tuple(classes)
        self._names: set[str] = set()
        self._images: list[Row] = []
        self._found: list[Row] = []
        self._masks = False

    def add(self, sample: Sample, row: Row) -> Row:
        """Write what was found in one image; the row with the name of its mask in place of the mask itself."""
        if row["error"] is not None:
            return row
        name = self._name(sample.id)
        image = picture_of(sample.source)
        if "boxes" in row:
            self._add_boxes(name, row, sample.id)
        else:
            self._masks = True
            write_mask(self._in("masks", f"{name}.png"), row["mask"], len(self._classes))
        drawn = drawn_answer(image, row, self._classes)
        drawn.thumbnail((DRAWN, DRAWN))
        drawn.save(self._in("drawn", f"{name}.jpg"), quality=90)
        place = place_of(sample.source)
        if place is not None:
            told = of_boxes(place, row["boxes"]) if "boxes" in row else of_mask(place, row["mask"], self._classes)
            write_json(self._in("map", f"{name}.geojson"), told)
        return {**row, "mask": f"masks/{name}.png"} if "mask" in row else row

    def end(self) -> None:
        """Write what is told of all images together."""
        if self._masks:
            legend = {str(i): name for i, name in enumerate(self._classes)}
            write_json(self._in("masks", "legend.json"), legend)
        else:
            categories = [{"id": i + 1, "name": name} for i, name in enumerate(self._classes)]
            told = {"images": self._images, "annotations": self._found, "categories": categories}
            write_json(self._folder / "boxes.json", told)

    def _add_boxes(self, name: str, row: Row, file_name: str) -> None:
        width, height = row["size"]
        image = len(self._images) + 1
        self._images.append({"id": image, "file_name": file_name, "width": width, "height": height})
        for box in row["boxes"]:
            left, top, right, bottom = box["box"]
            self._found.append(
                {
                    "id": len(self._found) + 1,
                    "image_id": image,
                    "category_id": self._classes.index(box["label"]) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "score": box["score"],
                    "iscrowd": 0,
                    **_segmentation(box),
                }
            )

    def _in(self, *parts: str) -> Path:
        path = self._folder.joinpath(*parts)
        path.parent.mkdir(exist_ok=True)
        return path

    def _name(self, sample_id: str) -> str:
        """A file name of its own for an image, from its name."""
        stem = Path(sample_id).stem or "image"
        name = next(n for n in _numbered(stem) if n.casefold() not in self._names)
        self._names.add(name.casefold())
        return name


def drawn_answer(image: Image.Image, row: Row, classes: Sequence[str]) -> Image.Image:
    """A picture with what was found in it drawn on it."""
    if "boxes" in row:
        width, height = row["size"]
        scale = (image.width / width, image.height / height)
        boxes = [(b["label"], scaled(b["box"], scale), b["score"]) for b in row["boxes"]]
        shapes = [(b["label"], pixels_of(b["segmentation"])) for b in row["boxes"] if "segmentation" in b]
        return draw_boxes(image, boxes, classes, shapes)
    return draw_mask(image, row["mask"], classes)


def _segmentation(box: Row) -> Row:
    """The outline of a box, and its area, which is less than that of the box."""
    if "segmentation" not in box:
        return {}
    return {"segmentation": box["segmentation"], "area": int(pixels_of(box["segmentation"]).sum())}


def write_mask(path: Path, mask: npt.NDArray[np.uint8], classes: int) -> None:
    """A mask (H, W) of class indices as a PNG with a palette: indices for programs, colours for eyes."""
    image = Image.fromarray(mask, "P")
    image.putpalette([value for colour in colours(classes) for value in colour])
    image.save(path, optimize=True)


def written(folder: Path, classes: Sequence[str], found: Iterable[tuple[Sample, Row]]) -> list[Row]:
    """All rows, with what was found of each sample in `folder`, which exists."""
    files = SceneFiles(folder, classes)
    told = [files.add(sample, row) for sample, row in found]
    files.end()
    return told


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def picture_of(source: Any) -> Image.Image:
    """An image as it is drawn on: upright, RGB; one that is too large to be read at once in a smaller size."""
    size = image_size(source)
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        return _reduced(source, -(-max(size) // DRAWN))
    found = read_stored(source)
    return preview(found.values, found.names) if isinstance(found, Bands) else found.image.convert("RGB")


def _reduced(source: Any, by: int) -> Image.Image:
    """A picture at 1 / `by` of its size, read some rows at a time."""
    with opened_rows(source, PreprocessSpec()) as rows:
        width, height = rows.size
        found, step = Image.new("RGB", (-(-width // by), -(-height // by))), by * _ROWS
        for top in range(0, height, step):
            found.paste(to_image(rows.read(top, min(height, top + step))).reduce(by), (0, top // by))
    return found
