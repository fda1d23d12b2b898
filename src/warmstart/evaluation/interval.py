"""A value and how sure it is."""

from __future__ import annotations

import dataclasses

LEVEL = 0.95
"""How often an interval should hold the true value."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval, of the bootstrap unless said otherwise."""

    value: float
    low: float
    high: float

    def within(self, low: float, high: float) -> Interval:
        """With bounds no wider than what the value can be.

        >>> Interval(0.001, -0.002, 0.004).within(0.0, 1.0)
        Interval(value=0.001, low=0.0, high=0.004)
        """
        return Interval(self.value, min(max(self.low, low), high), max(min(self.high, high), low))
