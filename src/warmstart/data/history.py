"""What was measured of some variables at equal steps of one clock."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from warmstart.data.clock import Clock

FloatArray = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """One variable over time: `values` (steps,), NaN where one is missing, the first at step `at` of a clock."""

    id: str
    values: FloatArray
    at: int = 0

    @property
    def end(self) -> int:
        """The step behind its last value."""
        return self.at + len(self.values)


@dataclasses.dataclass(frozen=True)
class Histories:
    """Series on one clock. `notes` are decisions taken while reading."""

    every: tuple[History, ...]
    clock: Clock
    name: str = "data"
    notes: tuple[str, ...] = ()
