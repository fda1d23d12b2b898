"""Run a process to its end and tell what it used."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SETTINGS = {
    "HF_HUB_OFFLINE": "1",  # nobody may reach for a model hub
    "KERAS_BACKEND": "torch",
    "PYTHONPATH": str(REPOSITORY),  # importable whatever the interpreter has installed
}
"""What is set for every contender alike, beside the environment of the harness."""


@dataclasses.dataclass(frozen=True)
class Ended:
    """A process that has ended, and what it used, the processes it waited for included."""

    code: int
    seconds: float
    cpu_seconds: float
    peak_mb: int
    tail: str


def run_process(command: list[str], timeout: float) -> Ended:
    """Run to the end or the time limit; with its whole process group stopped if it takes longer or we are stopped."""
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, **SETTINGS},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        watchdog = threading.Timer(timeout, _stop, (process.pid,))
        watchdog.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _stop(process.pid)
            raise
        finally:
            watchdog.cancel()
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        tail = log.read()[-2000:].decode(errors="replace").strip()
    cpu = usage.ru_utime + usage.ru_stime
    return Ended(process.returncode, seconds, cpu, usage.ru_maxrss // 1024, tail)


def _stop(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
