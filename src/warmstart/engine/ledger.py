"""Where the time of a run goes: each unit of work that the engine tells of, without what is told inside it."""

from __future__ import annotations

import time
from collections.abc import Callable

from warmstart.engine.events import Event, Finished, Started

NAMES = {
    "decode": "reading and decoding",
    "read": "reading",
    "features": "frozen part of the network",
    "phase": "training",
    "rung": "heads and validation",
    "rungs": "heads and validation",
    "test": "test",
}
"""What a unit of work counts as, by the first word of its name."""
REST = "everything else"


class Ledger:
    """A listener that keeps the books.

    >>> clock = iter([0.0, 1.0, 4.0, 6.0])
    >>> ledger = Ledger(lambda: next(clock))
    >>> for event in (Started("rung probe"), Started("features"), Finished("features"), Finished("rung probe")):
    ...     ledger(event)
    >>> ledger.times(total=10.0)
    {'frozen part of the network': 3.0, 'heads and validation': 3.0, 'everything else': 4.0}
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: list[list[float | str]] = []  # name, start, seconds that inner units took
        self._times: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Hear of a unit of work."""
        if isinstance(event, Started) and event.what.split()[0] in NAMES:
            self._open.append([event.what, self._clock(), 0.0])
        elif isinstance(event, Finished) and any(unit[0] == event.what for unit in self._open):
            self._close(event.what)

    def times(self, total: float) -> dict[str, float]:
        """Seconds by kind of work, those of `total` seconds that nobody told of as the rest."""
        rest = max(0.0, total - sum(self._times.values()))
        return {**self._times, REST: rest}

    def _close(self, what: str) -> None:
        """Close the unit, and those inside it that ended in an error and were never finished."""
        now = self._clock()
        while self._open:
            name, start, inner = self._open.pop()
            whole = now - float(start)
            kind = NAMES[str(name).split()[0]]
            self._times[kind] = self._times.get(kind, 0.0) + whole - float(inner)
            if self._open:
                self._open[-1][2] = float(self._open[-1][2]) + whole
            if name == what:
                return
