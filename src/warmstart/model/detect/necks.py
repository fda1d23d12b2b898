"""What necks need of maps that come from any backbone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional


def aligned(maps: Sequence[Tensor]) -> list[Tensor]:
    """Maps of which each has twice as many places along an edge as the next, zeros added at the right and below.

    Necks add a map to the next one at twice its size. A backbone gives others where the size of its input is no
    multiple of the coarsest stride: 30, 15 and 8 places, which become 32, 16 and 8.

    >>> import torch
    >>> [tuple(each.shape[2:]) for each in aligned([torch.rand(1, 1, side, side) for side in (30, 15, 8)])]
    [(32, 32), (16, 16), (8, 8)]
    """
    steps = [2**level for level in reversed(range(len(maps)))]
    coarsest = max(-(-each.shape[-1] // step) for each, step in zip(maps, steps, strict=True))
    missing = [coarsest * step - each.shape[-1] for each, step in zip(maps, steps, strict=True)]
    return [functional.pad(each, (0, by, 0, by)) if by else each for each, by in zip(maps, missing, strict=True)]
