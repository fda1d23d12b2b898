"""Which process computes a part of what several want: one at a time, and the others read what it has stored.

Processes that begin together take different parts where there are several, and wait for those that are under way. A
claim is a lock of the system's: it ends with its process, however that ends. A process that holds one and computes
nothing for `STALLED` seconds (it was stopped, or its disk hangs) is waited for no longer: the part is then computed
twice, and stored once. A process holds one claim at a time, so none waits for one that waits for it. Where nothing can
be locked, everybody computes.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

_log = logging.getLogger(__name__)

LOCKS = "locks"
STALLED = 300.0
"""Seconds; a batch on a slow machine takes a few."""
_POLL, _BEAT = 0.1, 1.0
Beat = Callable[[], None]


def one_after_the_other(folder: Path | None, names: Sequence[str]) -> Iterator[tuple[int, Beat]]:
    """The number of each part once, and what is called while it is computed; the claim on it ends with the turn.

    Args:
        folder: of the cache; `None` for what no other process sees.
        names: of the parts; the same part has the same name in every process.

    >>> [number for number, beat in one_after_the_other(None, ["a", "b"])]
    [0, 1]
    """
    later: list[int] = []
    for number, name in enumerate(names):
        with claim(folder, name, wait=False) as beat:
            if beat is None:
                later.append(number)
            else:
                yield number, beat
    for number in later:
        with claim(folder, names[number]) as beat:
            assert beat is not None
            yield number, beat


@contextlib.contextmanager
def claim(folder: Path | None, name: str, *, kind: str = "features", wait: bool = True) -> Iterator[Beat | None]:
    """Hold the part of this name; `None` without `wait` if another process holds it.

    `kind` is for what is claimed while a part of another kind is held: a claim of its own kind could be the same file.
    """
    if folder is None:
        yield _nothing
        return
    number = hashlib.sha256(name.encode()).hexdigest()[:2]  # few files, whatever is computed
    path = folder / LOCKS / f"{kind}-{number}.lock"
    lock = FileLock(path, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = _taken(lock, path.with_suffix(".beat"), wait)
    except (OSError, NotImplementedError) as error:
        _log.info("%s cannot be locked, and work is not shared with other processes: %s", path, error)
        yield _nothing
        return
    try:
        yield _beating(path.with_suffix(".beat")) if held or wait else None
    finally:
        lock.release()


def _taken(lock: FileLock, beat: Path, wait: bool) -> bool:
    """Whether it was taken: at once, or without `wait` at all, until who holds it has stalled."""
    said, alone = False, time.monotonic()
    last = _when(beat)
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                return False
        else:
            return True
        if (now := _when(beat)) != last:
            last, alone = now, time.monotonic()
        if time.monotonic() - alone > STALLED:
            _log.warning("another process holds %s and does nothing: what it was to compute is computed here", beat)
            return False
        if not said:
            _log.info("another process computes the same: it is waited for (%s)", beat)
            said = True
        time.sleep(_POLL)


def _when(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def _beating(path: Path) -> Beat:
    """What tells the others that this process works; it costs a system call a second."""
    told = 0.0

    def beat() -> None:
        nonlocal told
        if time.monotonic() - told > _BEAT:
            told = time.monotonic()
            with contextlib.suppress(OSError):
                path.touch()

    beat()
    return beat


def _nothing() -> None:
    """Nobody waits."""
