"""A crew of processes on this machine. It is known which of them died, and of what, and another takes its place."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Hashable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType, TracebackType
from typing import Any, Self

from warmstart.engine.fanout.crew import Died, Done, Outcome, Raised
from warmstart.engine.interrupt import Interrupt

GRACE = 30.0
"""Seconds that a worker has to save what it is at, when it is to stop."""
stopping = Interrupt()
"""Of a worker: whether it is to save what it is at and stop. Work that can be gone on with asks it."""


class _Worker:
    def __init__(self, work: Callable[[Any, Any], Any], common: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_serve, args=(theirs, work, common), daemon=True)
        self.process.start()
        theirs.close()

    def outcome(self) -> Outcome:
        try:
            found: Outcome = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join(GRACE)
            return Died(_how(self.process.exitcode))
        return found

    def end(self) -> None:
        self.pipe.close()
        self.process.join(GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Processes:
    """`most` new processes that each do `work(common, piece)`; in a `with`, at whose end none is left.

    `work` is a function of a module; it, what it is given and what it returns can be sent to a process.
    """

    def __init__(self, work: Callable[[Any, Any], Any], common: Any, most: int) -> None:
        self.most = most
        self._work, self._common = work, common
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        every = [*self._idle, *self._busy.values()]
        for worker in self._busy.values():
            worker.process.terminate()  # its signal to save what it is at
        for worker in every:
            worker.end()

    def begin(self, piece: Any) -> Hashable:
        """Have an idle process begin, or a new one."""
        while self._idle:
            worker = self._idle.pop()
            try:
                worker.pipe.send(piece)
            except OSError:  # it died while it had nothing to do, and nothing is lost
                worker.end()
                continue
            self._busy[worker.pipe] = worker
            return worker.pipe
        worker = _Worker(self._work, self._common)
        self._busy[worker.pipe] = worker
        with contextlib.suppress(OSError):  # `wait` finds that it died
            worker.pipe.send(piece)
        return worker.pipe

    def wait(self, seconds: float) -> list[tuple[Hashable, Outcome]]:
        """What became of pieces."""
        found: list[tuple[Hashable, Outcome]] = []
        for pipe in wait(list(self._busy), seconds):
            assert isinstance(pipe, Connection)
            worker = self._busy.pop(pipe)
            outcome = worker.outcome()
            found.append((pipe, outcome))
            if isinstance(outcome, Died):
                worker.end()
            else:
                self._idle.append(worker)
        return found


def _serve(pipe: Connection, work: Callable[[Any, Any], Any], common: Any) -> None:
    """The life of a worker: until there is nobody to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all of them; the first process decides
    signal.signal(signal.SIGTERM, _stop)
    while True:
        try:
            piece = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            outcome: Outcome = Done(work(common, piece))
        except BaseException as error:
            error.add_note(traceback.format_exc())
            outcome = Raised(error)
        try:
            pipe.send(outcome)
        except OSError:
            return
        except Exception:  # an error that cannot be sent
            pipe.send(Raised(RuntimeError(f"{outcome} cannot be sent back")))


def _stop(number: int, _: FrameType | None) -> None:
    if stopping.stopped:
        os._exit(128 + number)
    stopping.stop()


def _how(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "it no longer answers"
    if code >= 0:
        return f"it ended with code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"killed by {name}" + (", as it is where memory is short" if name == "SIGKILL" else "")
