"""`python -m warmstart.engine.helper RANK SIZE HOST PORT`: a process that works for another until that ends.

Started by `warmstart.engine.launching`, never by a person. It writes nothing and says nothing: what goes wrong in it is
told, and ended, by the process it works for.
"""

from __future__ import annotations

import os
import signal
import sys

from warmstart.engine.launching import joined
from warmstart.engine.processes import LostError, within


def main(rank: int, size: int, host: str, port: int) -> int:
    """Serve; the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all: process 0 saves, and then lets this one go
        signal.signal(number, signal.SIG_IGN)
    try:
        with within(joined(rank, size, host, port)) as group:
            group.serve()
    except LostError:
        return 1
    return 0


if __name__ == "__main__":
    code = main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    sys.stderr.flush()
    os._exit(code)  # at once: threads of what was imported have nothing left to do
