"""Networks whose state is taken from training inputs rather than trained, such as quantiles of what they compute.

Nothing of it is known before there are data, so a catalog has them with some state or other, and whoever runs a recipe
lets them learn first, from the inputs of the training part alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

Rows = Callable[[npt.NDArray[np.int64]], Tensor]
"""Of positions 0 .. count - 1 among the training inputs, (m,), the inputs (m, ...) as the network gets them."""


@runtime_checkable
class FromData(Protocol):
    """A module that is to see training inputs before it is used. What it is called with are the network's inputs."""

    @property
    def learned(self) -> bool:
        """Whether it has seen some, here or where its weights come from; it then stays as it is."""
        ...

    def learn(self, count: int, rows: Rows, seed: int) -> None:
        """Take its state from `count` inputs; the same ones and the same seed give the same state."""
        ...


def from_data(network: nn.Module) -> FromData | None:
    """The part of a network that learns from data, if it has one."""
    return next((part for part in network.modules() if isinstance(part, FromData)), None)
