"""Trials in this process, in several, or on the machines of a ray cluster. What they give is the same."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, TypeVar

from warmstart.errors import MissingExtraError, WarmstartError

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int, ready: Callable[[], bool]
) -> Iterator[tuple[Job, Result]]:
    """(job, what `work` made of it) as they come, from `workers` new processes; no job begins once `ready` says no.

    `work` is a function of a module, and it and the jobs can be sent to a process.
    """
    waiting = list(jobs)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[Result], Job] = {}
        while waiting or running:
            while waiting and len(running) < workers and ready():
                job = waiting.pop(0)
                running[pool.submit(work, job)] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()


def on_ray(
    work: Callable[[Job], Result], jobs: Sequence[Job], address: str, ready: Callable[[], bool]
) -> Iterator[tuple[Job, Result]]:
    """The same on a ray cluster: `address` as `ray.init` takes it, or "local" for one on this machine.

    The data must lie at the same path on every machine. A job takes one core.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("fanning out over machines", "ray") from error
    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise WarmstartError(
            f"there is no ray cluster at {address!r}: {error}",
            expected='an address such as "auto" or "ray://head:10001", or "local"',
        ) from error
    cluster: Any = ray  # some of its functions have no types
    task: Any = ray.remote(work)
    waiting, running = list(jobs), dict[Any, Job]()
    most = max(1, int(cluster.cluster_resources().get("CPU", 1)))
    while waiting or running:
        while waiting and len(running) < most and ready():
            job = waiting.pop(0)
            running[task.remote(job)] = job
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1)
        for reference in done:
            yield running.pop(reference), ray.get(reference)
