"""How a run comes to have several processes: it starts helpers of its own, or a launcher has started it several times.

`accelerate launch` and `torchrun` start every process with the same words. Process 0 then does the run, the others wait
for their share (`warmstart.engine.processes`). On CPUs `accelerate launch` starts a single process, however many it is
asked for (all but one would come from MPI): as many helpers are then started here.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from warmstart.errors import RunError, WarmstartError

T = TypeVar("T")
HOST = "127.0.0.1"
PATIENCE = timedelta(days=30)
"""That a helper may wait for work, and process 0 for what was shared: who is gone is noticed at once all the same."""
_SHARDED = {"ACCELERATE_USE_FSDP": "FSDP", "ACCELERATE_USE_DEEPSPEED": "DeepSpeed", "ACCELERATE_USE_MEGATRON_LM": "MLM"}
_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


def in_processes(processes: int | None, run: Callable[[], T]) -> T:
    """`run()` on process 0 of as many processes, and what it gives in all that a launcher has started.

    Args:
        processes: how many; `None` is as a launcher says, else one.
        run: does all that is not shared.

    Raises:
        RunError: that many cannot be had, or a launcher has started another number.
    """
    from warmstart.engine.processes import current

    refuse_sharded()
    if processes is not None and processes < 1:
        raise RunError(f"{processes} processes", expected="at least one")
    group, size = current(), launched_size()
    if size > 1 or group is not None:
        there = size if group is None else group.size
        if processes not in (None, there):
            raise RunError(
                f"{processes} processes are asked for, and there are {there}",
                expected="one number",
                do="leave --processes out where a launcher starts them",
            )
        return run() if group is not None else _led(run)
    wanted = processes or asked_of_launcher() or 1
    return run() if wanted == 1 else _with_helpers(wanted, run)


def about_processes() -> str:
    """What is to be said of the processes of this run; empty where it has one."""
    from warmstart.engine.machine import cores
    from warmstart.engine.processes import current

    group = current()
    if group is None:
        return ""
    text = f"{group.size} processes share the work"
    if group.together and not _gpus() and group.size > cores():
        return f"{text}, more than the {cores()} core(s) of this machine: that is slower than {cores()}"
    return text


def _gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def refuse_sharded() -> None:
    """Raise `RunError` where a launcher wants weights to be divided over processes."""
    for name, what in _SHARDED.items():
        if os.environ.get(name, "").lower() in ("1", "true"):
            raise RunError(
                f"launched with {what}, which divides the weights over processes",
                expected="every process to hold the whole network: batches and samples are divided, weights are not",
                do="launch without it; for a network that does not fit into memory, tune fewer blocks or use lora",
            )


def launched_size() -> int:
    """How many processes a launcher has started, of which this is one."""
    return max([1, *(int(os.environ[name]) for name in _SIZES if os.environ.get(name, "").isdigit())])


def asked_of_launcher() -> int | None:
    """How many processes `accelerate launch` was asked for on CPUs, where it has started this one alone.

    Raises:
        RunError: that it was asked for several shows, but not how many.
    """
    if os.environ.get("ACCELERATE_USE_CPU", "").lower() not in ("1", "true") or "MASTER_ADDR" not in os.environ:
        return None
    import psutil

    parent = psutil.Process().parent()
    words = parent.cmdline() if parent is not None else []
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in ("--num_processes", "--num-processes"):
            return int(value or words[number + 1])
    raise RunError(
        "accelerate launch was asked for several processes on CPUs, and has started one",
        expected="--num_processes N among its words",
        do="say it there, or leave the launcher out: warmstart fit DATA --processes N",
    )


def _led(run: Callable[[], T]) -> T:
    """In each of the processes that a launcher has started."""
    from warmstart.engine.processes import Failed, within

    group = _of_launcher()
    with within(group):
        if group.rank:
            with _deaf():
                told = group.serve()
            if isinstance(told, Failed):
                raise told.error(0)
            return told  # type: ignore[no-any-return]
        try:
            found = run()
        except SystemExit as error:
            group.end(None if not error.code else Failed.of(RunError(f"exit code {error.code}")))
            raise
        except BaseException as error:
            group.end(Failed.of(error))
            raise
        group.end(found)
        return found


@functools.cache
def _of_launcher() -> Any:
    """The group of what a launcher has started; accelerate chooses how they exchange tensors."""
    import torch
    import torch.distributed as dist
    from accelerate import PartialState
    from accelerate.utils import InitProcessGroupKwargs

    from warmstart.engine.processes import Group

    how = InitProcessGroupKwargs(timeout=PATIENCE).to_kwargs()
    state = PartialState(cpu=not torch.cuda.is_available(), **how)
    words = dist.new_group(backend="gloo", timeout=PATIENCE)
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "0"))
    return Group(state.process_index, state.num_processes, lambda: words, together=local == state.num_processes)


def _with_helpers(size: int, run: Callable[[], T]) -> T:
    """Beside helpers that are started now, and end with it."""
    from warmstart.engine.processes import within

    helpers = _Helpers(size)
    try:
        with within(helpers.group):
            return run()
    finally:
        helpers.stop()


class _Helpers:
    """Processes of this machine that work for this one. They are waited for when there is work."""

    def __init__(self, size: int) -> None:
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        from warmstart.engine.machine import cores
        from warmstart.engine.processes import Group

        if size > (gpus := _gpus()) > 0:
            raise RunError(f"{size} processes on {gpus} GPU(s)", expected=f"at most {gpus}: one for each GPU")
        own = os.environ.get("OMP_NUM_THREADS")
        threads = None if own else max(1, cores() // size)
        self.store = TCPStore(HOST, 0, size, is_master=True, wait_for_workers=False, timeout=timedelta(minutes=10))
        self.ranks = range(1, size)
        self.started = [self._start(rank, size, own or str(threads)) for rank in self.ranks]
        self.group = Group(0, size, functools.partial(self._join, size), why=self._why, threads=threads)

    def _start(self, rank: int, size: int, threads: str) -> subprocess.Popen[bytes]:
        here = str(Path(__file__).parents[2])
        seen = os.environ.get("CUDA_VISIBLE_DEVICES")
        env = {name: value for name, value in os.environ.items() if not name.startswith("ACCELERATE_")}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
        env["OMP_NUM_THREADS"] = threads
        env["CUDA_VISIBLE_DEVICES"] = seen.split(",")[rank] if seen and "," in seen else "" if seen == "" else str(rank)
        words = [sys.executable, "-m", "warmstart.engine.helper", str(rank), str(size), HOST, str(self.store.port)]
        # In a session of its own it does not hear of a terminal's Ctrl-C.
        return subprocess.Popen(
            words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def _join(self, size: int) -> Any:
        from warmstart.engine.processes import LostError

        while not self.store.check([f"ready {rank}" for rank in self.ranks]):
            if why := self._why():
                raise LostError(why, expected=f"{size} processes")
            time.sleep(0.02)
        return _joined(self.store, 0, size)

    def _why(self) -> str:
        """What became of those that are gone; they may take a moment to be seen as such."""
        for _ in range(50):
            for rank, process in zip(self.ranks, self.started, strict=True):
                code = process.poll()
                if code is not None:
                    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                    return f"process {rank} of this run {how}"
            if not self.group.lost:
                return ""
            time.sleep(0.02)
        return ""

    def stop(self) -> None:
        """Let them go; those that do not go by themselves are made to."""
        import torch.distributed as dist

        if self.group.joined and not self.group.lost:
            with contextlib.suppress(WarmstartError):
                self.group.end()
                for process in self.started:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(10)
        for process in self.started:
            process.kill()
            process.wait()
        if self.group.joined:
            dist.destroy_process_group()


def joined(rank: int, size: int, host: str, port: int) -> Any:
    """The group, in a helper."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    from warmstart.engine.processes import Group

    store = TCPStore(host, port, size, is_master=False, timeout=timedelta(minutes=10))
    store.set(f"ready {rank}", "")
    return Group(rank, size, lambda: _joined(store, rank, size))


def _joined(store: Any, rank: int, size: int) -> Any:
    import torch
    import torch.distributed as dist

    before = os.environ.get("GLOO_SOCKET_IFNAME")
    if sys.platform == "linux":  # all are on this machine, whose own name may lead nowhere
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    try:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
        return dist.new_group(backend="gloo", timeout=PATIENCE)
    finally:
        os.environ.pop("GLOO_SOCKET_IFNAME", None)
        if before is not None:
            os.environ["GLOO_SOCKET_IFNAME"] = before


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Without ears for Ctrl-C and SIGTERM: process 0 hears them, saves, and lets the others go."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
