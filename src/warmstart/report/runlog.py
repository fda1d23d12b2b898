"""The log of a run: one event per line, as JSON, on disk as soon as it is told.

This room does not know the engine, so it takes any event that is a dataclass: its class name and fields are the line.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from warmstart.errors import RunError
from warmstart.files import writing
from warmstart.report.results import jsonable

LOCK = ".lock"
"""Held while a run is written; the system lets go of it when the process ends, however it ends."""


class RunLog:
    """A listener that appends to a JSONL file, so a resumed run goes on in the same log. Use it as a context manager.

    A line cut short by a crash is closed first, so that whatever comes next is readable. The folder is held meanwhile:
    a run has one writer.

    Raises:
        RunError: another process, or another run of this one, writes into the folder.
        DiskError: the log cannot be written.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path.with_name(LOCK), thread_local=False)
            _hold(self._lock, path.parent)
            torn = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
            self._file = path.open("a", encoding="utf-8", newline="\n")
        self._clock = clock
        if torn:
            self._file.write("\n")

    def __call__(self, event: object) -> None:
        """Write one line: the time (seconds since the epoch), the kind of event, and its fields."""
        if not dataclasses.is_dataclass(event) or isinstance(event, type):
            raise TypeError(f"an event is a dataclass, not {event!r}")
        line = {"time": round(self._clock(), 3), "event": type(event).__name__, **jsonable(dataclasses.asdict(event))}
        with writing(self._path):
            self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file and let go of the folder; calling again does nothing."""
        with contextlib.suppress(OSError):  # on a full disk the last line was told of when it was written
            self._file.close()
        self._lock.release()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _hold(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunError(
            f"another process works in {folder}",
            expected="one process to a run folder",
            do="wait for it or stop it; or start a run of its own, without --resume",
        ) from error


def refuse_busy(folder: Path) -> None:
    """Raise `RunError` if a run is written there now: to be asked before time is spent."""
    if (folder / LOCK).exists():
        lock = FileLock(folder / LOCK, thread_local=False)
        _hold(lock, folder)
        lock.release()
