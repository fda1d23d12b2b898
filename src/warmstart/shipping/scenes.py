"""What a bundle says of images in which something is to be marked: boxes and masks in pixels of each image as it is
stored, one image after the other, so that memory is bounded by the largest of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.scenes import BoxTarget, SceneTarget
from warmstart.data.schema import Sample
from warmstart.errors import DataError, WarmstartError
from warmstart.model.network import Network
from warmstart.preprocess.geometry import Placement
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import image_size
from warmstart.shipping.inference import run
from warmstart.task.base import Task

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

        Of boxes `boxes`: `label`, `score` and `box` (left, upper, right and lower edge) of each, the surest first. Of
        masks `mask`, uint8 (H, W) with the index of a class for each pixel, and `shares` of the pixels by class. Both
        have the `size` (width, height) of the upright image.
        """
        for start in range(0, len(samples), AT_ONCE):
            some = samples[start : start + AT_ONCE]
            found = run(self.networks, some, self.spec, task=self.task, temperature=1.0, batch_size=AT_ONCE)
            answers = dict(zip(found.index.tolist(), found.outputs, strict=True))
            for i, sample in enumerate(some):
                error = found.errors.get(i)
                try:
                    answer = None if error else self._answer(answers[i], sample)
                except WarmstartError as failed:
                    answer, error = None, failed
                told = answer or dict.fromkeys((*self.task.fields, "size"))
                yield {"input": sample.id, **told, "error": error.found if error else None}, error
            if progress is not None:
                progress(len(some))

    def _answer(self, outputs: Tensor, sample: Sample) -> Row:
        size = image_size(sample.source)
        if size is None:
            raise DataError(f"{sample.id} has no size that can be read", expected="an image")
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
        return [{**box, "box": row.tolist()} for box, row in zip(boxes, edges, strict=True)]


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
