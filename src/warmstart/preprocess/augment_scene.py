"""What is marked in an image, after what was done to the image: resized, cropped, mirrored.

Boxes are (k, 4) of left, upper, right and lower edge in pixels, masks (H, W) of a class for each pixel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from warmstart.preprocess.augment import Drawn
from warmstart.preprocess.geometry import Placed, middle, placed
from warmstart.preprocess.spec import PreprocessSpec

Edges = npt.NDArray[np.float64]
Classes = npt.NDArray[np.uint8]

LEAST_SHARE = 0.25
"""Of a box's area, that a random crop must leave for the object to count. Of less one can seldom say what it was; SSD
asks for the box's centre (Liu et al. 2016, section 2.2)."""


def boxes_at(place: Placed, xyxy: Edges) -> Edges:
    """Boxes in the pixels of the resized image, of those in pixels of the image; not clipped.

    >>> whole = placed((640, 480), PreprocessSpec(size=320, resize="pad"))
    >>> boxes_at(whole, np.array([[0.0, 0.0, 640.0, 480.0]])).tolist()
    [[0.0, 40.0, 320.0, 280.0]]
    """
    moved: Edges = xyxy * np.tile(place.scale, 2) + np.tile(place.shift, 2)
    return moved


def boxes_seen(
    drawn: Drawn, xyxy: Edges, size: int, *, inside: tuple[int, int, int, int], least: float = LEAST_SHARE
) -> tuple[Edges, npt.NDArray[np.bool_]]:
    """Boxes in the view that was drawn, clipped to it, and which of them are kept.

    Args:
        drawn: the view.
        xyxy: boxes in the pixels that it was drawn of.
        size: pixels a side of the view.
        inside: (left, top, right, bottom) of the image in those pixels; what reaches into the padding is cut off first.
        least: share of a box's area that has to be left.

    >>> view = Drawn((0, 10, 20, 20), mirrored=True)
    >>> found, kept = boxes_seen(view, np.array([[8.0, 0, 20, 10], [0, 0, 11, 9]]), 40, inside=(0, 0, 40, 40))
    >>> found[kept].tolist(), kept.tolist()
    ([[20.0, 0.0, 40.0, 20.0]], [True, False])
    """
    top, left, height, width = drawn.box
    own = _clipped(xyxy, inside)
    cut = _clipped(own, (left, top, left + width, top + height))
    whole, rest = _area(own), _area(cut)
    kept = (rest > 0) & (rest >= least * whole)
    found = (cut - (left, top, left, top)) * np.tile((size / width, size / height), 2)
    if drawn.mirrored:
        found = np.stack([size - found[:, 2], found[:, 1], size - found[:, 0], found[:, 3]], axis=1)
    return found, kept


def mask_at(mask: Classes, spec: PreprocessSpec, outside: int) -> Classes:
    """A mask (H, W) resized as its image is, uncropped, each pixel that of the nearest; `outside` in the padding.

    >>> mask_at(np.ones((20, 40), np.uint8), PreprocessSpec(size=4, resize="pad"), 255).tolist()
    [[255, 255, 255, 255], [1, 1, 1, 1], [1, 1, 1, 1], [255, 255, 255, 255]]
    """
    height, width = mask.shape
    place = placed((width, height), spec)
    if spec.resize == "shortest":
        across, down = middle((width, height))
        left, top = (width - across) // 2, (height - down) // 2
        mask = mask[top : top + down, left : left + across]
    left, top, right, bottom = place.inside
    whole = np.full(place.shape, outside, np.uint8)
    whole[top:bottom, left:right] = _nearest(mask, (right - left, bottom - top))
    return whole


def mask_seen(drawn: Drawn, mask: Classes, size: int) -> Classes:
    """What a view of `size` pixels a side shows of a mask (H, W) in the pixels that it was drawn of; a copy."""
    top, left, height, width = drawn.box
    seen = _nearest(mask[top : top + height, left : left + width], (size, size))
    return np.array(seen[:, ::-1] if drawn.mirrored else seen, order="C")


def _nearest(mask: Classes, size: tuple[int, int]) -> Classes:
    if (mask.shape[1], mask.shape[0]) == size:
        return mask
    return np.asarray(Image.fromarray(np.ascontiguousarray(mask)).resize(size, Image.Resampling.NEAREST))


def _clipped(xyxy: Edges, box: tuple[int, int, int, int]) -> Edges:
    left, top, right, bottom = box
    return np.clip(xyxy, (left, top, left, top), (right, bottom, right, bottom))


def _area(xyxy: Edges) -> npt.NDArray[np.float64]:
    return np.clip(xyxy[:, 2] - xyxy[:, 0], 0, None) * np.clip(xyxy[:, 3] - xyxy[:, 1], 0, None)
