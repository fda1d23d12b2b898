"""Two ways to the same answers by the clock, in turns: whatever else the machine does meets both."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Work = Callable[[], object]


def in_turns(one: Work, other: Work, *, least: int, most: int, seconds: float) -> npt.NDArray[np.float64]:
    """Seconds (turns, 2) of both, one turn after the other: for about so long, but `least` turns and at most `most`.

    >>> in_turns(lambda: None, lambda: sum(range(9)), least=2, most=3, seconds=60.0).shape
    (3, 2)
    """
    turns, end = list[tuple[float, float]](), time.perf_counter() + seconds
    while len(turns) < least or (len(turns) < most and time.perf_counter() < end):
        turns.append((_seconds(one), _seconds(other)))
    return np.array(turns)


def _seconds(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
