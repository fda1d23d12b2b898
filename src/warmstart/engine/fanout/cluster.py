"""A ray cluster, joined or started, and a crew of its workers. Ray is imported when one is asked for, and only then."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import warmstart
from warmstart.engine.fanout.crew import Died, Done, Outcome, Raised
from warmstart.engine.machine import cores
from warmstart.errors import MissingExtraError, WarmstartError, WorkerError

LOCAL = "local"
STORE = 256 * 2**20
"""Bytes of the object store of a cluster that is started here: what is sent is small, and bounded."""
PATIENCE = 5.0
"""Seconds to answer. `ray.init` itself waits for minutes where nobody does."""
CLIENT = "ray://"
_FRESH = 5.0
"""Seconds for which it is taken as known how many cores a cluster has; machines join it and leave."""


@contextlib.contextmanager
def joined(address: str | None) -> Iterator[str | None]:
    """The cluster at an address within a `with`, or none for `None`.

    "auto" is the one that was started on this machine, `host:port` and `ray://host:port` are such as ray has them.
    "local" starts one on this machine, and stops it at the end. Where this process is in a cluster already, that is
    the one.

    Raises:
        MissingExtraError: ray is not installed.
        WorkerError: there is no cluster at the address.
    """
    if address is None:
        yield None
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("work on a ray cluster", "ray") from error
    if ray.is_initialized():
        yield address
        return
    before = signal.getsignal(signal.SIGTERM)
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        how |= {"num_cpus": cores(), "object_store_memory": STORE, "include_dashboard": False}
    else:
        _require_answer(address)
    try:
        try:
            ray.init(address=address, **how)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _nobody(address, _reason(error)) from error
        yield address
    finally:
        ray.shutdown()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # ray has put its own in its place


def _require_answer(address: str) -> None:
    """Raise `WorkerError` where nobody answers at an address, in seconds."""
    place = address.removeprefix(CLIENT) if address != "auto" else _last_started()
    host, _, port = (place or "").partition("?")[0].rpartition(":")
    if not host or not port.isdigit():
        return  # ray says what it makes of it
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _nobody(address if place == address else f"{address} ({place})", str(error)) from error


def _last_started() -> str | None:
    """What "auto" stands for: the address in the environment, or the one that `ray start` has left here."""
    if given := os.environ.get("RAY_ADDRESS"):
        return given.removeprefix(CLIENT)
    with contextlib.suppress(OSError, ValueError):
        return Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster").read_text().strip()
    return None


def _reason(error: Exception) -> str:
    """One line of ray's: the first, with the last where it only announces a traceback of the cluster's."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return f"{lines[0]} {lines[-1]}" if lines[0].endswith(":") else lines[0]


def _nobody(address: str, why: str) -> WorkerError:
    return WorkerError(
        f"there is no ray cluster at {address}: {why}",
        expected='"auto" for the one that `ray start --head` has started here, host:port, ray://host:port, or "local"',
        do="start one, or have one started for this command: local. For one that asks for a token, as ray does where "
        "~/.ray/auth_token is, set RAY_AUTH_MODE=token",
    )


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a worker is to be like. `folder`: where relative paths begin, if there are any."""

    version: str
    folder: str | None
    elsewhere: bool


class OnRay:
    """Workers of the cluster that this process has joined: as many as it has cores, each doing `work(common, piece)`.

    In a `with`, at whose end what is not over is given up. `folder` is where relative paths among the pieces begin.
    """

    def __init__(self, work: Callable[[Any, Any], Any], common: Any, address: str, folder: Path | None) -> None:
        import ray

        self._ray: Any = ray  # some of its functions have no types
        facts = Facts(warmstart.__version__, None if folder is None else str(folder.resolve()), address != LOCAL)
        self._common = ray.put(common)
        task: Any = ray.remote(max_retries=0, num_cpus=1)(_there)
        self._task: Callable[[Any], Any] = lambda piece: task.remote(work, facts, self._common, piece)
        self._busy: list[Any] = []
        self._most, self._asked = 1, -_FRESH

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reference in self._busy:
            with contextlib.suppress(Exception):
                self._ray.cancel(reference, force=True)

    @property
    def most(self) -> int:
        """Cores of the cluster as it is now."""
        if time.monotonic() - self._asked > _FRESH:
            self._asked = time.monotonic()
            self._most = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return self._most

    def begin(self, piece: Any) -> Any:
        """Ask the cluster for a worker."""
        reference = self._task(piece)
        self._busy.append(reference)
        return reference

    def wait(self, seconds: float) -> list[tuple[Hashable, Outcome]]:
        """What became of pieces."""
        done, self._busy = self._ray.wait(self._busy, num_returns=1, timeout=seconds)
        return [(reference, self._outcome(reference)) for reference in done]

    def _outcome(self, reference: Any) -> Outcome:
        errors = self._ray.exceptions
        try:
            return Done(self._ray.get(reference))
        except errors.RayTaskError as error:
            return Raised(_of_task(error))
        except errors.RayError as error:  # of the worker, its machine, or the memory there
            return Died(_why(error))


def _of_task(error: Any) -> BaseException:
    """What the work raised, without what ray wraps it in."""
    cause = error.cause
    if isinstance(cause, RuntimeError) and "failed to import" in str(cause):
        return WorkerError(
            "a worker of the cluster cannot import warmstart",
            expected=f"warmstart {warmstart.__version__} on each machine",
            do="install it there, in the environment in which `ray start` is called",
        )
    return cause if isinstance(cause, WarmstartError) else error


def _why(error: Exception) -> str:
    """The reason of a death, in a line."""
    if type(error).__name__ == "OutOfMemoryError":
        return "memory was short on its machine"
    said = " ".join(str(error).split()).partition(". ")[0]
    return f"{type(error).__name__}: {said[:120].rstrip('.')}"


def _there(work: Callable[[Any, Any], Any], facts: Facts, common: Any, piece: Any) -> Any:
    """In the worker: the work, once it is sure that it will be done as it would be here."""
    import torch

    host = socket.gethostname()
    if facts.version != warmstart.__version__:
        raise WorkerError(
            f"{host} has warmstart {warmstart.__version__}", expected=f"{facts.version}, as here", do="install it there"
        )
    if facts.folder is not None:
        try:
            os.chdir(facts.folder)
        except OSError as error:
            raise WorkerError(
                f"{host} has no folder {facts.folder}, where the paths that were given begin ({error.strerror})",
                expected="data and files at the same path on each machine",
                do="call the command in a folder that all of them share",
            ) from error
    torch.set_num_threads(1)  # a piece has one core
    try:
        return work(common, piece)
    except WarmstartError as error:
        if facts.elsewhere:
            error.found = f"on {host}: {error.found}"
        raise
