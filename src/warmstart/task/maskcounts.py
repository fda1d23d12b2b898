"""What is kept of a segmented image: for each class how many pixels are right, too many and missed, in all and in the
band along the edges of its regions. Every metric of masks is made of these sums.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.annotations import IGNORED

BAND = 0.02
"""Width of the band along edges, of the diagonal (Cheng et al. 2021, who take 2 % for images of usual size)."""


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
    classes, known = logits.shape[1], targets != IGNORED
    said = logits.argmax(1).to(targets.dtype).masked_fill(~known, IGNORED)
    found = []
    for told, true in ((known, known), (in_band(said), in_band(targets))):
        right = _tally(targets, (said == targets) & told & true & known, classes)
        found += [right, _tally(said, told & known, classes) - right, _tally(targets, true & known, classes) - right]
    return torch.cat(found, 1)


def parted(counts: Tensor) -> tuple[Counts, Counts]:
    """Counts (..., 6 C) by class: those of regions, and those of bands."""
    every = counts.reshape(*counts.shape[:-1], 6, -1).unbind(-2)
    return Counts(*every[:3]), Counts(*every[3:])


def in_band(classes: Tensor) -> Tensor:
    """Which pixels of maps of classes (n, H, W) lie in the inner band along the edges of their region.

    A pixel does if any in the square around it, of a side of twice the width of the band and one, is of another class
    or beyond the image: the band is what an erosion with that square takes away, as in the authors' code. What is
    ignored has an edge too, the same in what is true and what is said.
    """
    height, width = classes.shape[-2:]
    reach = max(1, round(BAND * math.hypot(height, width)))
    # Beyond the image lies another class than any. Maxima along one axis and then the other are those of the square.
    maps = functional.pad(classes.unsqueeze(1).float(), (reach,) * 4, value=-1.0)
    most, least = _largest(maps, reach), -_largest(-maps, reach)
    return (most != least).squeeze(1)


def _largest(maps: Tensor, reach: int) -> Tensor:
    along = functional.max_pool2d(maps, (1, 2 * reach + 1), 1)
    return functional.max_pool2d(along, (2 * reach + 1, 1), 1)


def _tally(classes: Tensor, chosen: Tensor, number: int) -> Tensor:
    """How many of the chosen pixels are of each class (n, C)."""
    first = torch.arange(len(classes), device=classes.device)[:, None, None] * number
    found = (classes.long() + first)[chosen]
    return torch.bincount(found, minlength=len(classes) * number).reshape(-1, number).float()
