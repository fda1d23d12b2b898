"""Masks as the lengths of their runs, as COCO writes them: 0 and 1 in turn, column by column, beginning with 0.

Runs of a mask of 320 x 320 pixels are about two numbers for each column of an object, where bits would be 3200 float32.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def runs(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The lengths of the runs of a mask (H, W) of 0 and 1.

    >>> runs(np.array([[0, 1], [0, 0]], np.uint8)).tolist(), runs(np.ones((1, 2), np.uint8)).tolist()
    ([2, 1, 1], [0, 2])
    """
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=np.uint8(0)))
    return np.diff(edges, prepend=0, append=len(flat)).astype(np.int64)


def covered(lengths: Tensor, size: int) -> Tensor:
    """Masks (k, size, size) of 0 and 1, uint8, of the lengths of their runs (k, R), behind which there may be zeros.

    >>> covered(torch.tensor([[2.0, 1.0, 1.0, 0.0, 0.0]]), 2).tolist()
    [[[0, 1], [0, 0]]]
    """
    ends = lengths.long().cumsum(1).contiguous()
    places = torch.arange(size * size, device=lengths.device).expand(len(lengths), -1).contiguous()
    turns = torch.searchsorted(ends, places, right=True) % 2
    return turns.to(torch.uint8).view(len(lengths), size, size).transpose(1, 2)
