"""What detections cover, drawn from the 28 x 28 probabilities of each, and how much of that is of the objects.

Areas and overlaps are counted in pixels of the network's input by pycocotools, from run-length codes, so that average
precision is that of COCO's `segm` on what the network sees. A code takes about four bytes for each column of an object.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection.roi_heads import expand_boxes, expand_masks

from warmstart.errors import MissingExtraError
from warmstart.model.detect.base import BOX, OUTLINE
from warmstart.task.box_matching import BoolArray, FloatArray, IntArray

Pixels = npt.NDArray[np.uint8]
Code = dict[str, Any]
_AT_ONCE = 255
"""Codes that pycocotools may be asked the areas of: it keeps their number in a byte, and of more it raises."""


def pasted(shape: Tensor, box: Tensor, size: tuple[int, int]) -> Pixels:
    """The pixels (H, W) of an image of `size` (width, height) that a detection covers, 1 where it is probable.

    Equal to `torchvision.models.detection.roi_heads.paste_masks_in_image` at one half; only the box is drawn.

    Args:
        shape: probabilities (28, 28).
        box: left, upper, right and lower edge (4,) in pixels of the image.
        size: of the image.

    >>> int(pasted(torch.ones(28, 28), torch.tensor([2.0, 2.0, 6.0, 5.0]), (10, 8)).sum()) >= 12
    True
    """
    padded, scale = expand_masks(shape.float()[None, None], 1)
    left, top, right, bottom = expand_boxes(box.float()[None], scale).to(torch.int64)[0].tolist()
    wide, high = max(right - left + 1, 1), max(bottom - top + 1, 1)
    drawn = functional.interpolate(padded, size=(high, wide), mode="bilinear", align_corners=False)[0, 0] > 0.5
    found = np.zeros(size[::-1], np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right + 1, size[0]), min(bottom + 1, size[1])
    if x0 < x1 and y0 < y1:
        found[y0:y1, x0:x1] = drawn[y0 - top : y1 - top, x0 - left : x1 - left].numpy()
    return found


def code(pixels: Pixels) -> Code:
    """The run-length code of pixels (H, W), as COCO compresses it: `size` and `counts`, both as JSON has them.

    >>> code(np.ones((2, 2), np.uint8))
    {'size': [2, 2], 'counts': '04'}
    """
    found: Code = _coco().encode(np.asfortranarray(pixels))
    return {"size": [int(side) for side in found["size"]], "counts": found["counts"].decode()}


class DrawnOutlines:
    """The outlines of detections (n, D, 6 + 28 * 28) and of objects (n, M, 6 + R), drawn when they are asked for.

    Raises `MissingExtraError` if pycocotools is not installed.
    """

    def __init__(self, detections: Tensor, targets: Tensor) -> None:
        self._found, self._told = detections.detach().float().cpu(), targets.detach().cpu()
        self._size = math.isqrt(int(self._told[..., BOX:].sum(2).max())) if self._told.numel() else 0
        self._code_of_found = functools.cache(self._draw)
        self._code_of_told = functools.cache(self._read)

    def found_areas(self, image: IntArray, place: IntArray) -> FloatArray:
        """See `warmstart.task.box_matching.Outlines`."""
        return self._areas([self._code_of_found(*at) for at in zip(image.tolist(), place.tolist(), strict=True)])

    def told_areas(self, image: IntArray, place: IntArray) -> FloatArray:
        """See `warmstart.task.box_matching.Outlines`."""
        return self._areas([self._code_of_told(*at) for at in zip(image.tolist(), place.tolist(), strict=True)])

    def overlap(self, image: IntArray, found: IntArray, told: IntArray, crowd: BoolArray) -> FloatArray:
        """See `warmstart.task.box_matching.Outlines`."""
        overlaps = np.zeros(len(image))
        order = np.lexsort((found, image))  # the pairs of a detection lie together
        firsts = np.flatnonzero(np.diff(image[order], prepend=-1) | np.diff(found[order], prepend=-1))
        for pairs in np.split(order, firsts[1:]) if len(order) else ():
            at = int(image[pairs[0]])
            objects = [self._code_of_told(at, k) for k in told[pairs].tolist()]
            one = self._code_of_found(at, int(found[pairs[0]]))
            overlaps[pairs] = _coco().iou([one], objects, crowd[pairs].astype(np.uint8).tolist())[0]
        return overlaps

    def _areas(self, codes: list[Code]) -> FloatArray:
        parts = [_coco().area(codes[at : at + _AT_ONCE]) for at in range(0, len(codes), _AT_ONCE)]
        areas: FloatArray = np.concatenate([np.zeros(0), *parts]).astype(np.float64)
        return areas

    def _draw(self, image: int, place: int) -> Code:
        row = self._found[image, place]
        pixels = pasted(row[BOX:].view(OUTLINE, OUTLINE), row[2:BOX], (self._size, self._size))
        found: Code = _coco().encode(np.asfortranarray(pixels))
        return found

    def _read(self, image: int, place: int) -> Code:
        runs = self._told[image, place, BOX:].long().tolist()
        found: Code = _coco().frPyObjects({"size": [self._size, self._size], "counts": runs}, self._size, self._size)
        return found


@functools.cache
def _coco() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise MissingExtraError("measuring and writing outlines of objects", "detect") from error
    return mask
