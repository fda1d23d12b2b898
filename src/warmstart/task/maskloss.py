"""Losses of masks, each image's own.

A batch's loss is the mean over the images of which any pixel is known, so that parts of a batch add up to the whole
exactly; the losses of segmentation-models-pytorch and torch, which these are for one image, pool all pixels of a batch.
Pixels of `IGNORED` count nowhere. All are made of the same log-probabilities, which are computed once.

* `cross_entropy`: mean over pixels, in nats.
* `dice`: 1 - Dice coefficient of probabilities, mean over the classes that occur in the image (Milletari et al. 2016).
* `tversky`: likewise, a pixel missed weighing 0.7 and one too many 0.3 (Salehi et al. 2017, their best).
* `focal`: cross entropy times (1 - p)^2 (Lin et al. 2017), of the softmax.
* `lovasz`: the Lovasz extension of the Jaccard loss (Berman et al. 2018, Lovasz-Softmax), over the classes that occur.

Class weights weigh pixels by their true class in `cross_entropy` and `focal`, and classes in the others. Label
smoothing is for `cross_entropy`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from warmstart.data.annotations import IGNORED
from warmstart.errors import RecipeError, nearest

DEFAULT = "cross_entropy+dice"
_MISSED, _TOO_MANY = 0.7, 0.3
_FOCUS = 2.0
_LEAST = 1e-7
Terms = tuple[tuple[float, str], ...]
"""Weight and name of each loss of a sum."""


@functools.lru_cache
def terms(text: str) -> Terms:
    """The losses that a text adds up, with their weights.

    Raises:
        RecipeError: there is no loss of a name, or a weight is no positive number.

    >>> terms("0.5*focal+dice")
    ((0.5, 'focal'), (1.0, 'dice'))
    """
    found: list[tuple[float, str]] = []
    for part in text.replace(" ", "").split("+"):
        weight, mark, name = part.rpartition("*")
        if name not in LOSSES:
            raise RecipeError(
                f"loss {text!r} has {name!r}",
                expected=f"some of {', '.join(LOSSES)}, with + between and weights before: 0.5*focal+dice",
                do=f"the nearest: {nearest(name, LOSSES)}",
            )
        if mark and not _positive(weight):
            raise RecipeError(f"loss {text!r} has the weight {weight!r}", expected="a positive number")
        found.append((float(weight) if mark else 1.0, name))
    return tuple(found)


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False


@dataclasses.dataclass(frozen=True)
class Pixels:
    """What every loss reads: P pixels of each of n images.

    Args:
        logs: log-probabilities (n, C, P).
        truth: classes (n, P); 0 where ignored.
        known: 1 where not ignored, else 0 (n, P).
        weights: of classes (C,), or `None`.
        smoothing: of labels.
    """

    logs: Tensor
    truth: Tensor
    known: Tensor
    weights: Tensor | None
    smoothing: float

    @classmethod
    def of(cls, logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor | None) -> Pixels:
        """Of logits (n, C, H, W) and classes (n, H, W)."""
        flat = targets.flatten(1)
        known = flat != IGNORED
        # contiguous first: a softmax over channels that lie last in memory is several times slower on a CPU
        logs = logits.float().contiguous().flatten(2).log_softmax(1)
        return cls(logs, (flat * known).long(), known.to(logs.dtype), weights, smoothing)

    @functools.cached_property
    def true_logs(self) -> Tensor:
        """Log-probability of the true class of each pixel (n, P)."""
        return self.logs.gather(1, self.truth.unsqueeze(1)).squeeze(1)

    @functools.cached_property
    def probabilities(self) -> Tensor:
        """(n, C, P)."""
        return self.logs.exp()

    @functools.cached_property
    def counts(self) -> Tensor:
        """Known pixels of each class (n, C)."""
        return self._by_class(self.known)

    @functools.cached_property
    def overlaps(self) -> tuple[Tensor, Tensor]:
        """Probability that is given to each class where it is true, and in all (n, C)."""
        right = self._by_class(self.true_logs.exp() * self.known)
        return right, torch.bmm(self.probabilities, self.known.unsqueeze(2)).squeeze(2)

    @functools.cached_property
    def weight(self) -> Tensor:
        """What each pixel counts (n, P)."""
        return self.known if self.weights is None else self.known * self.weights[self.truth]

    def over_pixels(self, values: Tensor) -> Tensor:
        """Mean of values (n, P), of which those of pixels that are ignored are 0, by the weight of the pixels (n,)."""
        return values.sum(1) / self.weight.sum(1).clamp_min(_LEAST)

    def over_classes(self, values: Tensor) -> Tensor:
        """Weighted mean of values (n, C) over the classes that occur (n,)."""
        share = (self.counts > 0).to(values.dtype)
        share = share if self.weights is None else share * self.weights
        return (values * share).sum(1) / share.sum(1).clamp_min(_LEAST)

    def _by_class(self, values: Tensor) -> Tensor:
        empty = values.new_zeros(len(values), self.logs.shape[1])
        return empty.scatter_add(1, self.truth, values)


def cross_entropy(pixels: Pixels) -> Tensor:
    """As `torch.nn.functional.cross_entropy` of each image (n,)."""
    found = pixels.over_pixels(-pixels.true_logs * pixels.weight)
    if not pixels.smoothing:
        return found
    every = pixels.logs if pixels.weights is None else pixels.logs * pixels.weights[:, None]
    spread = pixels.over_pixels(-every.mean(1) * pixels.known)
    return (1 - pixels.smoothing) * found + pixels.smoothing * spread


def focal(pixels: Pixels) -> Tensor:
    """Cross entropy of which what is right already counts less (n,)."""
    logs = pixels.true_logs
    return pixels.over_pixels((1 - logs.exp()).pow(_FOCUS) * -logs * pixels.weight)


def dice(pixels: Pixels) -> Tensor:
    """1 - Dice coefficient (n,)."""
    return _tversky(pixels, 0.5, 0.5)


def tversky(pixels: Pixels) -> Tensor:
    """1 - Tversky index (n,)."""
    return _tversky(pixels, _TOO_MANY, _MISSED)


def _tversky(pixels: Pixels, too_many: float, missed: float) -> Tensor:
    right, given = pixels.overlaps
    whole = right + too_many * (given - right) + missed * (pixels.counts - right)
    return pixels.over_classes(1 - right / whole.clamp_min(_LEAST))


def lovasz(pixels: Pixels) -> Tensor:
    """Lovasz-Softmax (n,): errors in falling order, each weighted by how much the Jaccard loss grows with it.

    The error of a pixel that is ignored is 0: it comes last, and adds nothing.
    """
    image, name = (pixels.counts > 0).nonzero(as_tuple=True)
    truth = ((pixels.truth[image] == name[:, None]) * pixels.known[image]).to(pixels.logs.dtype)
    errors, order = ((truth - pixels.probabilities[image, name]).abs() * pixels.known[image]).sort(1, descending=True)
    truth = truth.gather(1, order)
    every = truth.sum(1, keepdim=True)
    loss = 1 - (every - truth.cumsum(1)) / (every + (1 - truth).cumsum(1))
    growth = torch.cat([loss[:, :1], loss[:, 1:] - loss[:, :-1]], 1)
    found = pixels.logs.new_zeros(pixels.counts.shape)
    return pixels.over_classes(found.index_put((image, name), (errors * growth).sum(1)))


LOSSES: dict[str, Callable[[Pixels], Tensor]] = {
    "cross_entropy": cross_entropy,
    "dice": dice,
    "focal": focal,
    "lovasz": lovasz,
    "tversky": tversky,
}


def of_images(
    logits: Tensor, targets: Tensor, summed: Terms, *, smoothing: float = 0.0, weights: Tensor | None = None
) -> Tensor:
    """The loss of each image (n,), of logits (n, C, H, W) and classes (n, H, W); 0 of one without a known pixel.

    >>> logits = torch.tensor([[[[9.0]], [[-9.0]]], [[[0.0]], [[0.0]]]])
    >>> of_images(logits, torch.tensor([[[0]], [[1]]]), terms("cross_entropy")).tolist()
    [0.0, 0.6931471824645996]
    """
    pixels = Pixels.of(logits, targets, smoothing, weights)
    parts = [weight * LOSSES[name](pixels) for weight, name in summed]
    return functools.reduce(torch.add, parts)
