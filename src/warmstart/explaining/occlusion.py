"""Occlusion: how far the score falls when a part is covered (Zeiler and Fergus 2014, section 4.2).

It asks nothing of the network but answers: it is for networks that cannot be differentiated, such as MiniRocket. Images
are covered by squares that overlap by half, series by stretches likewise, texts token by token. What a place adds is
the mean fall over the covers that it lies under, each shared out over its places.
"""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart.explaining.asked import Asked, Pick
from warmstart.explaining.methods import Attributed, Method
from warmstart.preprocess.kinds import Kind

ACROSS, ROUGH = 7, 4
"""Squares along an edge of an image, without those between two of them; for a comparison."""
ALONG = 16
"""Stretches of a series, likewise."""
MOST, FEW = 64, 16
"""Covers of a text: of a longer one several tokens in a row are covered together."""
_AT_ONCE = 16


class Occlusion:
    """See the module docstring.

    Args:
        across: squares along an edge of an image, without those between two of them.
        most: covers of a text.
    """

    kinds: tuple[Kind, ...] = ("image", "text", "series")
    gradients = False

    def __init__(self, across: int = ACROSS, most: int = MOST) -> None:
        self.across, self.most = across, most

    @property
    def coarser(self) -> Method | None:
        """With larger squares, or more tokens in a row."""
        return Occlusion(ROUGH, FEW) if self.across > ROUGH else None

    def passes(self, asked: Asked, x: Tensor) -> int:
        """One for each cover."""
        return len(self._covers(asked, x))

    def _covers(self, asked: Asked, x: Tensor) -> Tensor:
        return _covers(x, asked.readable(x), self.across, self.most)

    def attribute(self, asked: Asked, chosen: Pick, x: Tensor) -> Attributed:
        """What the places of one input (1, ...) add."""
        masks = self._covers(asked, x)
        total = torch.zeros(masks.shape[1:], dtype=torch.float64)
        times = torch.zeros_like(total)
        with torch.inference_mode():
            before = chosen.score(asked.outputs(x)).double()
            for some in torch.split(masks, _AT_ONCE):
                inputs = asked.covered(x.expand(len(some), *x.shape[1:]).clone(), some)
                falls = before - chosen.score(asked.outputs(inputs)).double()
                for mask, fall in zip(some, falls, strict=True):
                    total += mask * fall / mask.sum()
                    times += mask
        return Attributed((total / times.clamp_min(1)).float().numpy())


def _covers(x: Tensor, there: Tensor, across: int, most: int) -> Tensor:
    """The covers (m, ...) of an input, each True where it covers something."""
    if there.ndim == 1:  # tokens
        at = there.nonzero()[:, 0]
        parts = torch.tensor_split(at, min(most, len(at))) if len(at) else ()
        found = torch.zeros(len(parts), len(there), dtype=torch.bool)
        for row, part in zip(found, parts, strict=True):
            row[part] = True
        return found
    if x.ndim == 3:
        channels, steps = there.shape
        stretches = _stretches(steps, min(ALONG, steps))
        found = torch.zeros(channels * len(stretches), channels, steps, dtype=torch.bool)
        for i, (start, stop) in enumerate(stretches):
            for channel in range(channels):
                found[channel * len(stretches) + i, channel, start:stop] = True
        return found
    edges = _stretches(there.shape[0], min(across, there.shape[0]))
    found = torch.zeros(len(edges) ** 2, *there.shape, dtype=torch.bool)
    for i, (top, bottom) in enumerate(edges):
        for k, (left, right) in enumerate(edges):
            found[i * len(edges) + k, top:bottom, left:right] = True
    return found


def _stretches(length: int, parts: int) -> list[tuple[int, int]]:
    """`parts` stretches of about one length that overlap by half.

    >>> _stretches(8, 2)
    [(0, 4), (2, 6), (4, 8)]
    """
    starts = [i * length // (2 * parts) for i in range(2 * parts - 1)]
    return [(start, (i + 2) * length // (2 * parts)) for i, start in enumerate(starts)]


OCCLUSION = Occlusion()
"""The one instance; it holds no state."""
