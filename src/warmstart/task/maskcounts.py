"""What is kept of a segmented image: for each class how many pixels are right, too many and missed, in all and in the
band along the edges of its regions. Every metric of masks is made of these sums.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.annotations import IGNORED

BAND = 0.02
"""Width of the band along edges, of the diagonal (Cheng et al. 2021, who take 2 % for images of usual size)."""


STRIP = 2**21
"""Pixels that are counted at once, beside those of the rows around them."""
Classes = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Counts:
    """Pixels by class (..., C): right, too many, missed."""

    right: Tensor
    too_many: Tensor
    missed: Tensor

    @property
    def occurs(self) -> Tensor:
        """Whether a class is true of any pixel."""
        return self.right + self.missed > 0

    @property
    def iou(self) -> Tensor:
        """Intersection over union; 0 where there is neither."""
        return _ratio(self.right, self.right + self.too_many + self.missed)

    @property
    def dice(self) -> Tensor:
        """Twice the intersection over the sum of both."""
        return _ratio(2 * self.right, 2 * self.right + self.too_many + self.missed)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return part / torch.where(whole > 0, whole, torch.ones_like(whole))


def counted(logits: Tensor, targets: Tensor) -> Tensor:
    """Counts (n, 6 C) of logits (n, C, S, S) and classes (n, S, S): right, too many and missed of each class, then the
    same of its band. Pixels that are ignored count nowhere.

    >>> logits = torch.tensor([[[[2.0, 0.0]], [[0.0, 2.0]]]])
    >>> counted(logits, torch.tensor([[[0, 0]]], dtype=torch.uint8))[0, :6].tolist()
    [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    """
    known = targets != IGNORED
    said = logits.argmax(1).to(targets.dtype).masked_fill(~known, IGNORED)
    return _counted(said, targets, known, in_band(said), in_band(targets), logits.shape[1]).float()


def counted_in_strips(said: Classes, true: Classes, classes: int) -> Tensor:
    """What `counted` gives of one image (6 C,), float64, of classes (H, W) that are said and true of its pixels.

    Some rows are looked at after the others, so that memory does not grow with the height of the image.

    >>> found = counted_in_strips(np.array([[0, 1]], np.uint8), np.array([[0, 0]], np.uint8), 2)
    >>> found[:6].tolist()
    [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    """
    height, width = true.shape
    reach, total = _reach(height, width), torch.zeros(6 * classes, dtype=torch.float64)
    step = max(1, STRIP // width)
    for top in range(0, height, step):
        bottom = min(height, top + step)
        above, below = max(0, top - reach), min(height, bottom + reach)  # what the band of these rows depends on
        truth = torch.from_numpy(true[above:below])[None]
        known = truth != IGNORED
        told = torch.from_numpy(said[above:below])[None].masked_fill(~known, IGNORED)
        rows = slice(top - above, bottom - above)
        band, true_band = (in_band(each, reach)[:, rows] for each in (told, truth))
        total += _counted(told[:, rows], truth[:, rows], known[:, rows], band, true_band, classes)[0]
    return total


def _counted(said: Tensor, true: Tensor, known: Tensor, band: Tensor, true_band: Tensor, classes: int) -> Tensor:
    """Counts (n, 6 C) of maps of classes (n, H, W); `said` is ignored where the truth is not known."""
    found = []
    for told, there in ((known, known), (band, true_band)):
        right = _tally(true, (said == true) & told & there & known, classes)
        found += [right, _tally(said, told & known, classes) - right, _tally(true, there & known, classes) - right]
    return torch.cat(found, 1)


def parted(counts: Tensor) -> tuple[Counts, Counts]:
    """Counts (..., 6 C) by class: those of regions, and those of bands."""
    every = counts.reshape(*counts.shape[:-1], 6, -1).unbind(-2)
    return Counts(*every[:3]), Counts(*every[3:])


def in_band(classes: Tensor, reach: int | None = None) -> Tensor:
    """Which pixels of maps of classes (n, H, W) lie in the inner band along the edges of their region.

    A pixel does if any in the square around it, of a side of twice the width of the band and one, is of another class
    or beyond the image: the band is what an erosion with that square takes away, as in the authors' code. What is
    ignored has an edge too, the same in what is true and what is said. `reach` is the width of the band in pixels, by
    default that of maps which show the whole image.
    """
    reach = _reach(*classes.shape[-2:]) if reach is None else reach
    # Beyond the image lies another class than any. Maxima along one axis and then the other are those of the square.
    maps = functional.pad(classes.to(torch.int16), (reach,) * 4, value=-1)
    return _largest(maps, reach) != -_largest(-maps, reach)


def _reach(height: int, width: int) -> int:
    return max(1, round(BAND * math.hypot(height, width)))


def _largest(maps: Tensor, reach: int) -> Tensor:
    """The largest of maps (n, H, W) in squares of a side of 2 reach + 1, where these lie within the maps.

    Spans of twice the length are made of two, and the last one of two that overlap: a band of a large image is hundreds
    of pixels wide, and costs no more for it.
    """
    wide = 2 * reach + 1
    for axis in (1, 2):
        found, span = maps, 1
        while 2 * span <= wide:
            rest = found.shape[axis] - span
            found = torch.maximum(found.narrow(axis, 0, rest), found.narrow(axis, span, rest))
            span *= 2
        rest = maps.shape[axis] - wide + 1
        maps = torch.maximum(found.narrow(axis, 0, rest), found.narrow(axis, wide - span, rest))
    return maps


def _tally(classes: Tensor, chosen: Tensor, number: int) -> Tensor:
    """How many of the chosen pixels are of each class (n, C)."""
    first = torch.arange(len(classes), device=classes.device)[:, None, None] * number
    found = (classes.long() + first)[chosen]
    return torch.bincount(found, minlength=len(classes) * number).reshape(-1, number).double()
