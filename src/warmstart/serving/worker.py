"""The one thread that owns the networks. Requests of many clients go through them together.

What waits is bounded, and so is how long it waits. A batch is what there is when the thread is free: under load it
fills by itself, and alone a request waits `max_wait` for others and no longer.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from warmstart.data.schema import Sample
from warmstart.serving.limits import Limits
from warmstart.serving.metrics import Metrics
from warmstart.serving.problems import Problem

_log = logging.getLogger("warmstart.serving")

Work = Callable[[Any, Sequence[Sample]], list[dict[str, Any]]]
"""From what is asked and the samples it is asked of to an answer for each."""


@dataclasses.dataclass(eq=False)
class _Job:
    asked: Hashable
    samples: Sequence[Sample]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[list[dict[str, Any]]]

    def tell(self, found: list[dict[str, Any]] | Exception) -> None:
        """Called in the worker's thread."""
        try:
            self.loop.call_soon_threadsafe(self._set, found)
        except RuntimeError:  # the loop is closed: nobody waits any more
            _log.debug("an answer came after its loop was closed")

    def _set(self, found: list[dict[str, Any]] | Exception) -> None:
        if self.answer.done():
            return  # its time was over
        if isinstance(found, Exception):
            self.answer.set_exception(found)
        else:
            self.answer.set_result(found)


class Worker:
    """Answers what is asked of it, in order, what is asked alike together."""

    def __init__(self, work: Work, limits: Limits, metrics: Metrics) -> None:
        self._work, self._limits, self._metrics = work, limits, metrics
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._held = 0
        self._pace = 0.0
        """Inputs per second, of late."""

    @property
    def ready(self) -> bool:
        """Whether it takes work."""
        return not self._closing

    def admit(self, count: int) -> None:
        """Make room for so many inputs. Raises `Problem` (429, 503) where there is none; `release` follows."""
        if self._closing:
            self._metrics.rejected.labels("closing").inc()
            raise Problem(503, "the service is being stopped", headers={"Retry-After": "10"})
        if self._held + count > self._limits.max_queue:
            self._metrics.rejected.labels("queue").inc()
            wait = min(60, max(1, math.ceil(self._held / self._pace))) if self._pace else 1
            raise Problem(
                429,
                f"{self._held} inputs are waiting already",
                expected=f"at most {self._limits.max_queue} at a time",
                do=f"send it again after {wait} s",
                headers={"Retry-After": str(wait)},
            )
        self._count(count)

    def release(self, count: int) -> None:
        """Give back the room."""
        self._count(-count)

    def _count(self, more: int) -> None:
        self._held += more
        self._metrics.queue.set(self._held)

    async def answer(self, asked: Hashable, samples: Sequence[Sample]) -> list[dict[str, Any]]:
        """An answer for each sample. What is cancelled while it waits is not worked on."""
        loop = asyncio.get_running_loop()
        job = _Job(asked, samples, loop, loop.create_future())
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="warmstart-worker", daemon=True)
                self._thread.start()
            self._jobs.append(job)
            self._changed.notify()
        return await job.answer

    def close(self) -> None:
        """Answer what was admitted, take no more, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(self._limits.timeout)

    def _run(self) -> None:
        while jobs := self._next():
            began = time.perf_counter()
            size = sum(len(job.samples) for job in jobs)
            self._metrics.batches.observe(size)
            self._together(jobs)
            if size:
                pace = size / max(1e-6, time.perf_counter() - began)
                self._pace = 0.8 * self._pace + 0.2 * pace if self._pace else pace

    def _next(self) -> list[_Job]:
        """What to answer together; nothing when it is to end."""
        with self._changed:
            while not (self._alive() or self._closing):
                self._changed.wait()
            if not self._jobs:
                return []
            jobs = [self._jobs.popleft()]
            size, until = len(jobs[0].samples), time.monotonic() + self._limits.max_wait
            while size < self._limits.max_batch:
                if self._alive():
                    following = self._jobs[0]
                    size += len(following.samples)
                    if following.asked != jobs[0].asked or size > self._limits.max_batch:
                        break
                    jobs.append(self._jobs.popleft())
                elif self._closing or not self._changed.wait(until - time.monotonic()):
                    break
            return jobs

    def _alive(self) -> bool:
        """Whether something waits that somebody still waits for."""
        while self._jobs and self._jobs[0].answer.done():
            self._jobs.popleft()
        return bool(self._jobs)

    def _together(self, jobs: Sequence[_Job]) -> None:
        samples = [sample for job in jobs for sample in job.samples]
        try:
            found = self._work(jobs[0].asked, samples)
        except Exception as error:  # whatever it is, the next one is to be answered
            if len(jobs) > 1:  # one of them must not spoil it for the others
                for job in jobs:
                    self._together([job])
            else:
                jobs[0].tell(error)
            return
        done = 0
        for job in jobs:  # what is asked of no sample has one answer, which is that of all who ask
            job.tell(found[done : done + len(job.samples)] if job.samples else found)
            done += len(job.samples)
