"""Ctrl-C and SIGTERM as a flag: the loop asks between batches, saves, and only then raises `Interrupted`.

A second signal means that the user does not want to wait: it raises `KeyboardInterrupt` where the program stands.
Atomic checkpoints make that safe.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from types import FrameType
from typing import Any, Self

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LAUNCHED, ECHO = "TORCHELASTIC_RUN_ID", 2.0
"""Set by torch's launcher, which passes on to its processes what the terminal has told them already; and the seconds in
which a second signal is taken for that."""


class Interrupt:
    """Context manager that turns SIGINT and SIGTERM into `stopped`, and puts the old handlers back.

    Outside the main thread no handler can be set; the flag can still be raised by `stop()`.

    >>> with Interrupt() as interrupt:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interrupt.stopped
    True
    """

    def __init__(self) -> None:
        self.stopped = False
        self._since = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def stop(self) -> None:
        """Ask whoever looks at the flag to save and stop."""
        self.stopped = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.stopped and LAUNCHED in os.environ and time.monotonic() - self._since < ECHO:
            return
        if self.stopped:
            raise KeyboardInterrupt
        self._since = time.monotonic()
        log.warning("%s: saving, then stopping; once more stops at once", signal.Signals(number).name)
        self.stop()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
