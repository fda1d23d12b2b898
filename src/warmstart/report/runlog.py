"""The log of a run: one event per line, as JSON, on disk as soon as it is told.

This room does not know the engine, so it takes any event that is a dataclass: its class name and fields are the line.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from warmstart.report.results import jsonable


class RunLog:
    """A listener that appends to a JSONL file, so a resumed run goes on in the same log. Use it as a context manager.

    A line cut short by a crash is closed first, so that whatever comes next is readable.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
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
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; calling again does nothing."""
        self._file.close()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
