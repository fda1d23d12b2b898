"""Images of shapes on a textured ground, of which it is known what is where: boxes, outlines, the class of each pixel.

A class is a shape; its colour, size, turn and place are drawn, and so is the ground: nothing but the shape tells it.
The k-th scene is a function of the seed, k and the options alone.

>>> made = scene(0, seed=1)
>>> made.image.shape, made.mask.shape, set(made.boxes.names) <= set(SHAPES)
((120, 160, 3), (120, 160), True)
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from warmstart.data.annotations import Boxes, FloatArray, Legend, Mask, Outline
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Dataset, Sample
from warmstart.errors import DataError

SHAPES: tuple[str, ...] = ("disc", "square", "triangle")
GROUND = "ground"
LEGEND = Legend({0: GROUND, **{i + 1: name for i, name in enumerate(SHAPES)}})
_CORNERS = {"disc": 40, "square": 4, "triangle": 3}
_STREAM = 11
"""What the generator is for, as in `warmstart.data.batches`."""
_FINE = 4
"""Times the pixels that shapes are drawn with, so that their edges are smooth."""
_APART, _TRIES = 0.8, 20
"""Of the sum of their radii, that two shapes keep between their middles; and how often a place is looked for."""


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """An image (H, W, 3), the shapes in it with their outlines, and for each pixel 0 for ground or 1 + its shape."""

    image: npt.NDArray[np.uint8]
    boxes: Boxes
    mask: npt.NDArray[np.uint8]


def scene(k: int, *, seed: int = 0, size: tuple[int, int] = (160, 120), most: int = 4) -> Scene:
    """The k-th scene of `size` (width, height), with up to `most` shapes; about one in ten has none."""
    rng = np.random.default_rng([seed, k, _STREAM])
    width, height = size
    image, mask = Image.fromarray(_ground(rng, size)), Image.new("L", size)
    names: list[str] = []
    outlines: list[FloatArray] = []
    taken: list[tuple[float, float, float]] = []
    for _ in range(0 if rng.random() < 0.1 else int(rng.integers(1, most + 1))):
        place = _place(rng, size, taken)
        if place is None:
            continue
        taken.append(place)
        name = SHAPES[int(rng.integers(len(SHAPES)))]
        outline = _outline(rng, name, place).clip(0, (width, height))
        _draw(image, mask, outline, _colour(rng, image, outline), SHAPES.index(name) + 1)
        names.append(name)
        outlines.append(outline)
    edges = [[*outline.min(0), *outline.max(0)] for outline in outlines]
    boxes = Boxes(
        tuple(names), np.array(edges, float).reshape(-1, 4), tuple(Outline((outline,)) for outline in outlines)
    )
    grain = rng.normal(0, 6, (height, width, 1))
    noisy = (np.asarray(image) + grain).clip(0, 255).astype(np.uint8)
    return Scene(noisy, boxes, np.array(mask))


def generate_scenes(
    n: int, task: Literal["detect", "segment"], *, seed: int = 0, size: tuple[int, int] = (160, 120), most: int = 4
) -> Dataset:
    """The first `n` scenes in memory, with boxes or masks for their labels.

    Raises `DataError` if there would be none.

    >>> generate_scenes(3, "segment").target.classes
    ('ground', 'disc', 'square', 'triangle')
    """
    _check(n)
    made = [scene(k, seed=seed, size=size, most=most) for k in range(n)]
    labels = [each.boxes if task == "detect" else _labelled(each) for each in made]
    samples = tuple(
        Sample(f"scene-{k}", each.image, label) for k, (each, label) in enumerate(zip(made, labels, strict=True))
    )
    target = BoxTarget(SHAPES) if task == "detect" else MaskTarget((GROUND, *SHAPES))
    return Dataset(samples, target, name="generated scenes")


def write_scenes(
    folder: str | Path, n: int, *, seed: int = 0, size: tuple[int, int] = (160, 120), most: int = 4
) -> Path:
    """Write the first `n` scenes: `images/`, `masks/` with their `legend.json`, and COCO's `annotations.json`.

    Raises `DataError` if there would be none.
    """
    _check(n)
    folder = Path(folder)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for k in range(n):
        made, file = scene(k, seed=seed, size=size, most=most), f"{k:05d}.png"
        Image.fromarray(made.image).save(folder / "images" / file)
        Image.fromarray(made.mask).save(folder / "masks" / file)
        images.append({"id": k + 1, "file_name": f"images/{file}", "width": size[0], "height": size[1]})
        objects += [{**each, "image_id": k + 1} for each in _objects(made.boxes, len(objects) + 1)]
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(SHAPES)]
    facts = {"images": images, "annotations": objects, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(facts), encoding="utf-8")
    names = {name: value for value, name in LEGEND.names.items()}
    (folder / "legend.json").write_text(json.dumps(names), encoding="utf-8")
    return folder


def _check(n: int) -> None:
    if n < 1:
        raise DataError(f"{n} scenes are to be generated", expected="at least one")


def _labelled(made: Scene) -> Mask:
    values = np.unique(made.mask).tolist()
    return Mask(made.mask, LEGEND, tuple(str(LEGEND.names[value]) for value in values))


def _objects(boxes: Boxes, first: int) -> list[dict[str, Any]]:
    found = []
    for i, (name, (left, top, right, bottom), outline) in enumerate(
        zip(boxes.names, boxes.xyxy.tolist(), boxes.outlines, strict=True)
    ):
        assert outline is not None
        (ring,) = outline.polygons
        x, y = ring.T
        area = abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2
        found.append(
            {
                "id": first + i,
                "category_id": SHAPES.index(name) + 1,
                "bbox": [left, top, right - left, bottom - top],
                "segmentation": [ring.reshape(-1).tolist()],
                "area": area,
                "iscrowd": 0,
            }
        )
    return found


def _ground(rng: np.random.Generator, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Smooth blotches of similar colours, coarse and fine."""
    width, height = size
    found = np.empty((height, width, 3))
    found[:] = rng.uniform(50, 205, 3)
    for cells, strength in ((5, 40), (24, 25)):
        shape = (max(2, height * cells // width), cells, 3)
        coarse = Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8))
        found += (np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), float) / 255 - 0.5) * 2 * strength
    return found.clip(0, 255).astype(np.uint8)


def _place(
    rng: np.random.Generator, size: tuple[int, int], taken: list[tuple[float, float, float]]
) -> tuple[float, float, float] | None:
    """Middle and radius of a shape that lies apart from the others; `None` where no place is found."""
    width, height = size
    for _ in range(_TRIES):
        radius = float(min(size) * rng.uniform(0.08, 0.25))
        x, y = float(rng.uniform(radius, width - radius)), float(rng.uniform(radius, height - radius))
        if all(np.hypot(x - a, y - b) >= _APART * (radius + r) for a, b, r in taken):
            return x, y, radius
    return None


def _outline(rng: np.random.Generator, name: str, place: tuple[float, float, float]) -> FloatArray:
    """Corners (m, 2) on a circle around the middle, turned by chance."""
    x, y, radius = place
    corners = _CORNERS[name]
    angles = float(rng.uniform(0, 2 * np.pi)) + 2 * np.pi * np.arange(corners) / corners
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)


def _colour(rng: np.random.Generator, image: Image.Image, outline: FloatArray) -> tuple[int, int, int]:
    """One that stands out from the ground at the middle of a shape."""
    x, y = outline.mean(0)
    below = np.array(image.getpixel((int(x), int(y))), float)
    drawn = rng.uniform(0, 255, (_TRIES, 3))
    red, green, blue = drawn[int(np.abs(drawn - below).sum(1).argmax())].astype(int).tolist()
    return red, green, blue


def _draw(image: Image.Image, mask: Image.Image, outline: FloatArray, colour: tuple[int, int, int], value: int) -> None:
    """Fill a shape in the image, with smooth edges, and in the mask where it covers half of a pixel or more."""
    fine = Image.new("L", (_FINE * image.width, _FINE * image.height))
    ImageDraw.Draw(fine).polygon([(_FINE * x - 0.5, _FINE * y - 0.5) for x, y in outline.tolist()], fill=255)
    cover = fine.resize(image.size, Image.Resampling.BOX)
    image.paste(colour, mask=cover)
    mask.paste(value, mask=cover.point(lambda share: 255 if share >= 128 else 0))
