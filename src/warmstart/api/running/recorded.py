"""What every run writes down while it lasts: its log, and what trackers keep of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from warmstart.data.schema import Sample
from warmstart.engine.events import Listener, broadcast
from warmstart.engine.identity import data_sha256
from warmstart.engine.interrupt import Interrupt
from warmstart.errors import Interrupted
from warmstart.report.runlog import RunLog
from warmstart.report.tracking.listening import Tracking


@contextlib.contextmanager
def recorded(
    folder: Path, track: str, tell: Listener, samples: Sequence[Sample]
) -> Iterator[tuple[Listener, Interrupt]]:
    """A listener that passes on to `tell`, the log and the trackers; and what says that the user wants to stop.

    Who stops in it is told with which folder to go on: what is inside knows its part of the folder alone.
    """
    with (
        told_how_to_go_on(folder),
        RunLog(folder / "log.jsonl") as log,
        Tracking(folder, track, broadcast(tell, log), lambda: data_sha256(samples)) as tracking,
        Interrupt() as flag,
    ):
        yield broadcast(tell, log, tracking), flag


@contextlib.contextmanager
def told_how_to_go_on(folder: Path) -> Iterator[None]:
    """Whoever stops in it is told with which folder to go on."""
    try:
        yield
    except Interrupted as error:
        do = f"go on with what is saved: the same call with resume={str(folder)!r}"
        raise Interrupted(error.found, do=do) from error
