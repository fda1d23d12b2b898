"""An image of any size seen tile by tile, and what was answered for the tiles put together without seams.

Tiles are square and overlap. An answer counts the less the nearer to the edge of its tile a pixel lies, by a raised
cosine over the overlap; the weights of all tiles at a pixel are made to add up to 1. So what is the same in every tile
comes out as it is, and nothing jumps where a tile ends.

Tiles are taken row by row, and what is complete is handed on: memory holds one band, as high as a tile and as wide as
the image, however high that is. Of an image 10,000 pixels wide, tiles of 512 and 2 classes that are 41 MB, with 21
classes 430 MB (`Grid.band_bytes`), and twice that while the band before is still looked at; all its logits at once
would be 0.8 and 8.4 GB. Measured on 10,000 x 10,000 pixels of a tiled TIFF (`benchmarks/micro/mosaic.py`), with the map
of classes (100 MB) and batches of 8 tiles, beside the network: 271 MB, and 1,014 MB with 21 classes.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

OVERLAP = 0.25
"""Of the side of a tile."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """Overlapping tiles that cover an image, evenly spread: none reaches beyond it unless the image is smaller.

    Args:
        width: of the image, pixels.
        height: of the image, pixels.
        tile: side of a tile, pixels.
        overlap: pixels that neighbours share at least.

    Raises:
        ValueError: there are no pixels, or tiles that do not advance.

    >>> grid = Grid(1000, 400, tile=512, overlap=128)
    >>> grid.lefts, grid.uppers
    ((0, 244, 488), (0,))
    """

    width: int
    height: int
    tile: int
    overlap: int

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.tile) < 1 or not 0 <= self.overlap < self.tile:
            raise ValueError(f"no tiles of {self.tile} with an overlap of {self.overlap} cover an image of {self.size}")

    @classmethod
    def over(cls, size: tuple[int, int], tile: int, overlap: float = OVERLAP) -> Grid:
        """Tiles over an image of (width, height); `overlap` is a share of their side."""
        return cls(*size, tile, round(overlap * tile))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the image."""
        return self.width, self.height

    @functools.cached_property
    def lefts(self) -> tuple[int, ...]:
        """Left edges of the tiles in a row."""
        return self._starts(self.width)

    @functools.cached_property
    def uppers(self) -> tuple[int, ...]:
        """Upper edges of the rows of tiles."""
        return self._starts(self.height)

    def __len__(self) -> int:
        """How many tiles."""
        return len(self.lefts) * len(self.uppers)

    def band_bytes(self, outputs: int) -> int:
        """Bytes of a band of float32 answers of so many channels."""
        return 4 * outputs * self.tile * max(self.width, self.tile)

    def _starts(self, length: int) -> tuple[int, ...]:
        if length <= self.tile:
            return (0,)
        number = math.ceil((length - self.overlap) / (self.tile - self.overlap))
        return tuple(round(i * (length - self.tile) / (number - 1)) for i in range(number))

    def shares(self, starts: tuple[int, ...]) -> Tensor:
        """What each tile along an edge counts at each of its places (tiles, tile); at every place they add up to 1."""
        reach = max(1, self.overlap)
        inner = (torch.arange(self.tile, dtype=torch.float64) + 0.5).clamp_max(reach)
        rise = (inner / reach * math.pi / 2).sin().square()
        window = torch.minimum(rise, rise.flip(0)) if self.overlap else torch.ones_like(rise)
        total = torch.zeros(starts[-1] + self.tile, dtype=torch.float64)
        for start in starts:
            total[start : start + self.tile] += window
        return torch.stack([window / total[start : start + self.tile] for start in starts]).float()


def blended(
    grid: Grid,
    read: Callable[[int, int], Tensor],
    answer: Callable[[Tensor], Tensor],
    *,
    batch_size: int = 8,
) -> Iterator[tuple[int, Tensor]]:
    """What is answered for an image, from its top to its bottom: the first row of each piece, and the piece (K, h, W).

    Args:
        grid: the tiles.
        read: rows of the image, from a first one up to another, as pixels (C, h, W).
        answer: (n, K, tile, tile) for n tiles (n, C, tile, tile). Where the image is smaller than a tile, its last rows
            and columns are repeated to fill one.
        batch_size: tiles that are answered at once.

    >>> image = torch.rand(3, 50, 70)
    >>> pieces = blended(Grid(70, 50, 32, 8), lambda top, bottom: image[:, top:bottom], lambda tiles: tiles)
    >>> bool(torch.cat([piece for _, piece in pieces], 1).allclose(image))
    True
    """
    across, down = grid.shares(grid.lefts), grid.shares(grid.uppers)
    ends = (*grid.uppers[1:], grid.height)
    kept: Tensor | None = None  # rows that a row of tiles above has begun
    for upper, end, row in zip(grid.uppers, ends, down, strict=True):
        pixels = _filled(read(upper, min(upper + grid.tile, grid.height)), grid.tile)
        band: Tensor | None = None
        for first in range(0, len(grid.lefts), batch_size):
            lefts = grid.lefts[first : first + batch_size]
            found = answer(torch.stack([pixels[..., left : left + grid.tile] for left in lefts])).float()
            if band is None:
                band = found.new_zeros(found.shape[1], grid.tile, pixels.shape[-1])
                if kept is not None:
                    band[:, : kept.shape[1]] = kept
                    kept = None
            for left, column, each in zip(lefts, across[first:], found, strict=False):
                band[..., left : left + grid.tile].addcmul_(each, torch.outer(row, column).to(each.device))
        assert band is not None, "a grid has a tile in every row"
        yield upper, band[:, : end - upper, : grid.width]
        kept = band[:, end - upper :].clone()
        del band


def _filled(pixels: Tensor, tile: int) -> Tensor:
    """Pixels (C, h, W) with the last row and column repeated up to the side of a tile."""
    below, right = (max(0, tile - side) for side in pixels.shape[1:])
    if not (below or right):
        return pixels
    padded = functional.pad(pixels.unsqueeze(0).float(), (0, right, 0, below), mode="replicate")
    return padded.squeeze(0).to(pixels.dtype)
