"""How much memory a piece of work took at its largest."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil
import torch

_EVERY = 0.05


class Footprint:
    """The peak of the process's resident memory within a `with` (of the GPU's where there is one), in bytes.

    On a CPU it is sampled twenty times a second by a thread, and counts whatever else the process holds.

    >>> with Footprint() as footprint:
    ...     _ = bytearray(1)
    >>> footprint.peak > 0
    True
    """

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()
        self._process = psutil.Process()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Footprint:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        else:
            self._look()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        if torch.cuda.is_available():
            self.peak = int(torch.cuda.max_memory_allocated())
        else:
            self._thread.join()
            self._look()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        self.peak = max(self.peak, int(self._process.memory_info().rss))
