"""MiniRocket in a form that a graph can hold: no loop over parts of a batch, nothing written in place.

Sums are in the order of `warmstart.model.series.minirocket`: a convolution that lies on its bias is settled by the last
digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from warmstart.model.series.minirocket import Convolutions


class ConvolutionsGraph(nn.Module):
    """What `Convolutions` computes, of the same numbers; what depends on its dilations is settled here.

    Args:
        made: what it stands for; its numbers are shared.
        places: (kernels, 3), where the three weights of 2 of each kernel are.
        steps: of a kernel.
    """

    def __init__(self, made: Convolutions, places: Tensor, steps: int) -> None:
        super().__init__()
        self.parts, self.steps = made.parts(), steps
        self.register_buffer("mean", made.mean)
        self.register_buffer("std", made.std)
        self.register_buffer("places", places)
        self.register_buffer("reads", made.reads)
        self.register_buffer("biases", made.biases)

    mean: Tensor
    std: Tensor
    places: Tensor
    reads: Tensor
    biases: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Features, as `Convolutions.forward`."""
        x = ((x.double() - self.mean) / self.std).float().transpose(0, 1)
        x = torch.cat([x, torch.zeros_like(x[:1])])  # the last row stands for no channel
        biases = torch.split(self.biases, [len(self.places) * slots for _, slots in self.parts])
        found = [
            self._shares(x, dilation, self.reads[number], biases[number].view(len(self.places), slots), number % 2)
            for number, (dilation, slots) in enumerate(self.parts)
        ]
        return torch.cat(found, 1)

    def _shares(self, x: Tensor, dilation: int, reads: Tensor, biases: Tensor, odd: int) -> Tensor:
        """(n, kernels * slots) at one dilation."""
        middle = self.steps // 2
        shifts = [(place - middle) * dilation for place in range(self.steps)]
        minus, thrice = -x, 3 * x
        below = minus
        for shift in (*shifts[:middle], *shifts[middle + 1 :]):
            below = below + shifted(minus, shift)
        table = torch.cat([shifted(thrice, shift) for shift in shifts])
        halves = {}
        for first, margin in ((odd, 0), (1 - odd, middle * dilation)):
            values = self._convolved(below, table, reads[first::2], self.places[first::2])
            values = values[..., margin : values.shape[-1] - margin]
            above = values[:, None] > biases[first::2, :, None, None]
            halves[first] = above.float().sum(-1) / values.shape[-1]  # (kernels / 2, slots, n)
        return torch.stack([halves[0], halves[1]], 1).flatten(0, 1).permute(2, 0, 1).flatten(1)

    def _convolved(self, below: Tensor, table: Tensor, reads: Tensor, places: Tensor) -> Tensor:
        total: Tensor | None = None
        for channel in reads.T:
            one = below.index_select(0, channel)
            for place in places.T:
                one = one + table.index_select(0, place * len(below) + channel)
            total = one if total is None else total + one
        assert total is not None, "every kernel reads a channel"
        return total


def shifted(x: Tensor, steps: int) -> Tensor:
    """What is `steps` later (n, ..., steps); zeros beyond the ends.

    >>> shifted(torch.tensor([[1.0, 2.0, 3.0]]), 1).tolist(), shifted(torch.tensor([[1.0, 2.0, 3.0]]), -2).tolist()
    ([[2.0, 3.0, 0.0]], [[0.0, 0.0, 1.0]])
    """
    if steps == 0:
        return x
    return functional.pad(x[..., steps:], (0, steps)) if steps > 0 else functional.pad(x[..., :steps], (-steps, 0))
