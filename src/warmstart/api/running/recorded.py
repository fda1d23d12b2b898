"""What every run writes down while it lasts: its log, and what trackers keep of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from warmstart.data.schema import Sample
from warmstart.engine.events import Listener, broadcast
from warmstart.engine.identity import data_sha256
from warmstart.engine.interrupt import Interrupt
from warmstart.report.runlog import RunLog
from warmstart.report.tracking.listening import Tracking


@contextlib.contextmanager
def recorded(
    folder: Path, track: str, tell: Listener, samples: Sequence[Sample]
) -> Iterator[tuple[Listener, Interrupt]]:
    """A listener that passes on to `tell`, the log and the trackers; and what says that the user wants to stop."""
    with (
        RunLog(folder / "log.jsonl") as log,
        Tracking(folder, track, broadcast(tell, log), lambda: data_sha256(samples)) as tracking,
        Interrupt() as flag,
    ):
        yield broadcast(tell, log, tracking), flag
