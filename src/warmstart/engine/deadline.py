"""A hard end in time, that everything which takes long asks."""

from __future__ import annotations

import math
import time


class Deadline:
    """Counts down from `seconds` (wall clock) since it was made; `None` never passes.

    >>> Deadline(None).left()
    inf
    >>> Deadline(0).passed
    True
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never negative; infinite without a limit."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return self.left() <= 0.0
