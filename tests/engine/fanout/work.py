"""What the workers of the tests do. Light, for each process imports it anew."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from warmstart.engine.fanout.processes import stopping
from warmstart.errors import DataError


def work(folder: str, piece: Any) -> Any:
    """Do what the piece says: a number is squared, a word is a way to go wrong, once or always."""
    begun = Path(folder, f"{piece}-{time.monotonic_ns()}")
    begun.touch()
    first = len(list(Path(folder).glob(f"{piece}-*"))) == 1
    if piece == "always" or (piece == "once" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if piece == "leaves":
        os._exit(7)
    if piece == "wrong":
        raise DataError("one row is wrong", expected="none", do="mend it")
    if piece == "long":
        while not stopping.stopped:
            time.sleep(0.02)
        Path(folder, "saved").touch()
        return None
    return piece * piece if isinstance(piece, int) else os.getpid()
