"""A value and how sure it is."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval, of the bootstrap unless said otherwise."""

    value: float
    low: float
    high: float
