"""How answers are explained: a registry. Each method gives a number for each place of an input."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from warmstart.explaining.asked import Asked, Pick
from warmstart.preprocess.kinds import Kind
from warmstart.registry import Registry

FloatArray = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Attributed:
    """What each place of an input adds to a score.

    `values` are (side, side) of an image as the network sees it, (channels, steps) of a series, likewise, (tokens,) of
    a text. `gap` is the share of the score that they miss, where they should add up to it.
    """

    values: FloatArray
    gap: float | None = None


class Method(Protocol):
    """A way to explain."""

    kinds: tuple[Kind, ...]
    """Inputs that it is for."""
    gradients: bool
    """Whether the networks have to be differentiable."""

    @property
    def coarser(self) -> Method | None:
        """The same at less cost, and less exact; `None` where there is none."""
        ...

    def passes(self, asked: Asked, x: Tensor) -> int:
        """How many times the network runs for a map of one input (1, ...), about; a gradient counts as three."""
        ...

    def attribute(self, asked: Asked, chosen: Pick, x: Tensor) -> Attributed:
        """What the places of one input (1, ...), as the networks take it, add to the score.

        Raises:
            DataError: it cannot be said of such a network.
        """
        ...


methods: Registry[Method] = Registry("method")
methods.add("gradcam", "warmstart.explaining.gradcam:GRADCAM")
methods.add("integrated_gradients", "warmstart.explaining.integrated:INTEGRATED")
methods.add("occlusion", "warmstart.explaining.occlusion:OCCLUSION")
