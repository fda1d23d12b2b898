"""What a bundle says of images in which something is to be marked: boxes and masks in pixels of each image as it is
stored, one image after the other, so that memory is bounded by the largest of them.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.annotations import Outline
from warmstart.data.masks import outline_pixels
from warmstart.data.scenes import BoxTarget, SceneTarget
from warmstart.data.schema import Sample
from warmstart.errors import DataError, WarmstartError
from warmstart.model.network import Network
from warmstart.preprocess.geometry import Placement
from warmstart.preprocess.mosaic import Grid
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import image_size
from warmstart.shipping.inference import run
from warmstart.shipping.mosaic import mask_in_tiles, part_of, unlike
from warmstart.task.base import Task
from warmstart.task.mask_matching import code, pasted

Row = dict[str, Any]
AT_ONCE = 8
"""Images that go through the network together."""
BAND = 32 * 2**20
"""Values of scores that are enlarged to the size of an image at a time."""


@dataclasses.dataclass(frozen=True)
class Marker:
    """Networks that mark images, with what it takes to ask them."""

    networks: Sequence[Network]
    spec: PreprocessSpec
    task: Task
    target: SceneTarget
    least_score: float = 0.0
    """Of boxes that are told."""
    tile: int | None = None
    """Side in pixels of the tiles that images are cut into; `None` leaves them whole."""

    def rows(
        self, samples: Sequence[Sample], *, progress: Callable[[int], None] | None = None
    ) -> Iterator[tuple[Row, WarmstartError | None]]:
        """A row for each sample, in order, and why it could not be read, where it could not.

        Of boxes `boxes`: `label`, `score` and `box` (left, upper, right and lower edge) of each, the surest first, and
        `segmentation` where the network tells outlines: a run-length code of the image as COCO has them. Of
        masks `mask`, uint8 (H, W) with the index of a class for each pixel, and `shares` of the pixels by class. Both
        have the `size` (width, height) of the upright image.
        """
        for start in range(0, len(samples), AT_ONCE):
            some = samples[start : start + AT_ONCE]
            large = [self._large(sample) for sample in some]
            found = iter(self._seen([sample for sample, cut in zip(some, large, strict=True) if not cut]))
            for sample, cut in zip(some, large, strict=True):
                answer = self._in_tiles(sample) if cut else next(found)
                error = answer if isinstance(answer, WarmstartError) else None
                told = dict.fromkeys((*self.task.fields, "size")) if isinstance(answer, WarmstartError) else answer
                yield {"input": sample.id, **told, "error": error.found if error else None}, error
            if progress is not None:
                progress(len(some))

    def _large(self, sample: Sample) -> bool:
        size = None if self.tile is None else image_size(sample.source)
        return size is not None and self.tile is not None and max(size) > self.tile

    def _seen(self, samples: Sequence[Sample]) -> list[Row | WarmstartError]:
        """What is found in images that are seen whole."""
        if not samples:
            return []
        found = run(self.networks, samples, self.spec, task=self.task, temperature=1.0, batch_size=AT_ONCE)
        outputs = dict(zip(found.index.tolist(), found.outputs, strict=True))
        return [found.errors.get(i) or self._answer(outputs[i], sample) for i, sample in enumerate(samples)]

    def _in_tiles(self, sample: Sample) -> Row | WarmstartError:
        """What is found in an image that is seen in tiles."""
        assert self.tile is not None, "asked for where images are cut"
        try:
            if isinstance(self.target, BoxTarget):
                return self._boxes_in_tiles(sample, self.tile)
            mask = mask_in_tiles(self.networks, self.task, self.spec, sample.source, self.tile)
        except WarmstartError as error:
            return error
        return {**masked(mask, self.target.classes), "size": [mask.shape[1], mask.shape[0]]}

    def _boxes_in_tiles(self, sample: Sample, side: int) -> Row:
        """Boxes of all tiles; of those of a class that overlap by half, the surest."""
        size = image_size(sample.source) or (0, 0)
        grid = Grid.over(size, side)
        high, wide = min(side, size[1]), min(side, size[0])
        found: list[Row] = []
        for top in grid.uppers:
            places = [(left, top, left + wide, top + high) for left in grid.lefts]
            tiles = [Sample(f"{sample.id}[{p[0]},{p[1]}]", part_of(sample.source, p)) for p in places]
            for place, answer in zip(places, self._seen(tiles), strict=True):
                if isinstance(answer, WarmstartError):
                    raise answer
                shift = (place[0], place[1], place[0], place[1])
                found += [
                    {**b, "box": [e + s for e, s in zip(b["box"], shift, strict=True)], "corner": place[:2]}
                    for b in answer["boxes"]
                ]
        kept = unlike(found, self.target.classes)
        return {"boxes": [_whole(box, box.pop("corner"), size) for box in kept], "size": list(size)}

    def _answer(self, outputs: Tensor, sample: Sample) -> Row | WarmstartError:
        size = image_size(sample.source)
        if size is None:
            return DataError(f"{sample.id} has no size that can be read", expected="an image")
        place = Placement.of(size, self.spec)
        if isinstance(self.target, BoxTarget):
            return {"boxes": self._boxes(outputs, place), "size": list(size)}
        return {**masked(class_map(outputs, place), self.target.classes), "size": list(size)}

    def _boxes(self, outputs: Tensor, place: Placement) -> list[Row]:
        (answer,) = self.task.decode(outputs[None], self.target)
        boxes: list[Row] = [box for box in answer["boxes"] if box["score"] >= self.least_score]
        if not boxes:
            return []
        edges = place.stored(np.array([box["box"] for box in boxes], dtype=np.float64))
        return [_outlined({**box, "box": row.tolist()}, place.size) for box, row in zip(boxes, edges, strict=True)]


def _outlined(box: Row, size: tuple[int, int]) -> Row:
    """A box with its outline as a code of an image of `size`, if it has one."""
    if "shape" not in box:
        return box
    shape = torch.from_numpy(box.pop("shape"))
    return {**box, "segmentation": code(pasted(shape, torch.tensor(box["box"]), size))}


def _whole(box: Row, corner: tuple[int, int], size: tuple[int, int]) -> Row:
    """A box whose outline is one of a tile at `corner`, with that of the whole image of `size`."""
    if "segmentation" not in box:
        return box
    part = pixels_of(box["segmentation"])
    pixels = np.zeros(size[::-1], np.uint8)
    pixels[corner[1] : corner[1] + part.shape[0], corner[0] : corner[0] + part.shape[1]] = part
    return {**box, "segmentation": code(pixels)}


def pixels_of(segmentation: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    """The pixels (H, W) that the outline of a box covers.

    >>> pixels_of({"size": [1, 3], "counts": [1, 2]}).tolist()
    [[0, 1, 1]]
    """
    return outline_pixels(Outline(rle=segmentation), (0, 0))


def masked(mask: npt.NDArray[np.uint8], classes: Sequence[str]) -> Row:
    """A mask (H, W) with the share of each class in it.

    >>> masked(np.array([[0, 0, 0, 1]], np.uint8), ("ground", "tree"))["shares"]
    {'ground': 0.75, 'tree': 0.25}
    """
    counts = np.bincount(mask.ravel(), minlength=len(classes))
    return {"mask": mask, "shares": {name: int(n) / mask.size for name, n in zip(classes, counts, strict=False)}}


def class_map(scores: Tensor, place: Placement) -> npt.NDArray[np.uint8]:
    """The most probable class of each pixel of an image (H, W), of scores (classes, side, side) where it is placed.

    Scores are interpolated between the places that the network has seen, some rows of the image at a time; pixels that
    it has not seen (beyond a crop) have the class of the nearest that it has.

    >>> place = Placement((4, 2), 1.0, 1.0, 0, 1)  # 4 x 2 pixels in the middle of a square of 4
    >>> scores = torch.zeros(2, 4, 4)
    >>> scores[1, 1, 2:] = 1
    >>> class_map(scores, place).tolist()
    [[0, 0, 1, 1], [0, 0, 0, 0]]
    """
    width, height = place.size
    side = scores.shape[-1]
    x = ((torch.arange(width) + 0.5) * place.scale_x + place.left) * 2 / side - 1
    y = ((torch.arange(height) + 0.5) * place.scale_y + place.top) * 2 / side - 1
    found = np.empty((height, width), dtype=np.uint8)
    step = max(1, BAND // (width * len(scores)))
    for top in range(0, height, step):
        rows = y[top : top + step]
        grid = torch.stack([x.expand(len(rows), -1), rows[:, None].expand(-1, width)], 2)[None]
        band = functional.grid_sample(scores[None].float(), grid, padding_mode="border", align_corners=False)
        found[top : top + step] = band[0].argmax(0).to(torch.uint8).numpy()
    return found


def in_short(row: Mapping[str, Any]) -> str:
    """What was found in an image, in short: boxes of each class, or the share of each class.

    >>> in_short({"boxes": [{"label": "car"}, {"label": "car"}]}), in_short({"shares": {"sky": 0.25, "sea": 0.75}})
    ('2 car', 'sea 75 %, sky 25 %')
    """
    shares = sorted((row.get("shares") or {}).items(), key=lambda item: -item[1])
    counts = Counter(box["label"] for box in row.get("boxes") or ()).most_common()
    parts = [f"{name} {100 * share:.0f} %" for name, share in shares if share] or [f"{n} {name}" for name, n in counts]
    return ", ".join(parts) or "none"
