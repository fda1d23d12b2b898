"""Feature maps of several strides as one row of features for each image, and back.

A chain passes one activation from block to block, and stores keep one row for each sample. A network that finds boxes
or masks reads maps of several strides; here they lie one behind the other in one row, the finest first, each with its
channels last, as convolutions on a CPU want them, so that unpacking copies nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from warmstart.errors import BackboneError


@dataclasses.dataclass(frozen=True)
class Maps:
    """Which maps a backbone gives, for square inputs of `size` pixels.

    Args:
        names: the blocks that they come out of.
        channels: of each.
        strides: pixels of the input for each place, about: a power of 2, ascending.
        sides: places along each edge, for inputs of `size`.
        size: pixels a side.
    """

    names: tuple[str, ...]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    sides: tuple[int, ...]
    size: int

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return sum(c * side**2 for c, side in zip(self.channels, self.sides, strict=True))

    def at(self, size: int) -> Maps:
        """The maps of inputs of another size: where sides grow with it as strides say, which padded networks do."""
        if size == self.size:
            return self
        return dataclasses.replace(self, sides=tuple(math.ceil(size / stride) for stride in self.strides), size=size)

    def of_width(self, width: int) -> Maps:
        """The maps whose rows are of this width. Raises `BackboneError` where none are.

        >>> maps = Maps(("a", "b"), (8, 16), (4, 8), (8, 4), 32)
        >>> maps.of_width(maps.at(64).width).size
        64
        """
        if width == self.width:
            return self
        coarsest = self.strides[-1]
        guess = self.size * math.sqrt(width / self.width)
        near = range(max(1, round(guess / coarsest) - 2), round(guess / coarsest) + 3)
        found = next((maps for k in near if (maps := self.at(k * coarsest)).width == width), None)
        if found is None:
            raise BackboneError(f"a row of {width} features", f"{self.width}, the maps of {self.size} pixels")
        return found

    def pack(self, maps: Sequence[Tensor]) -> Tensor:
        """One row (n, width) of maps (n, channels, side, side)."""
        return torch.cat([each.permute(0, 2, 3, 1).flatten(1) for each in maps], 1)

    def unpack(self, rows: Tensor) -> list[Tensor]:
        """Maps (n, channels, side, side), views with channels last in memory, of rows (n, width).

        >>> maps = Maps(("a", "b"), (2, 3), (4, 8), (2, 1), 8)
        >>> x = [torch.rand(1, 2, 2, 2), torch.rand(1, 3, 1, 1)]
        >>> all(torch.equal(a, b) for a, b in zip(maps.unpack(maps.pack(x)), x, strict=True))
        True
        """
        here = self.of_width(rows.shape[1])
        widths = [c * side**2 for c, side in zip(here.channels, here.sides, strict=True)]
        parts = torch.split(rows, widths, 1)
        return [
            part.reshape(rows.shape[0], side, side, c).permute(0, 3, 1, 2)
            for part, side, c in zip(parts, here.sides, here.channels, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Maps:
        """Inverse of `to_dict`. Raises `TypeError` or `ValueError` for what is none."""
        lists = {name: tuple(data[name]) for name in ("names", "channels", "strides", "sides")}
        return cls(**lists, size=int(data["size"]))
