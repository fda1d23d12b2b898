"""Stored activations as a data set reads them: by position, from the chunks as they lie in memory or on the disk."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from warmstart.cache.packing import Packed


@dataclasses.dataclass(frozen=True)
class StoredRows:
    """n activations in order, each read from its chunk when it is asked for; nothing is held but what is in memory
    already. Chunks on the disk are mapped, so the system's page cache decides what stays.

    >>> rows = StoredRows((Packed(torch.tensor([[1.0], [2.0]]), None, 0.0),), torch.tensor([[0, 1], [0, 0]]), (1,))
    >>> len(rows), rows[torch.tensor([0, 1, 1])].flatten().tolist()
    (2, [2.0, 1.0, 1.0])
    """

    chunks: tuple[Packed, ...]
    places: Tensor  # (n, 2): chunk and row of each
    shape: tuple[int, ...]  # of one activation

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, positions: Tensor) -> Tensor:
        """Activations (len(positions), ...), float32, a copy."""
        places = self.places[positions]
        out = torch.empty(len(places), *self.shape)
        for chunk in set(places[:, 0].tolist()):
            here = (places[:, 0] == chunk).nonzero().flatten()
            out[here] = self.chunks[chunk].unpack(places[here, 1])
        return out

    @property
    def error(self) -> float:
        """Largest relative error of a chunk; 0 for float32."""
        return max((chunk.error for chunk in self.chunks), default=0.0)
