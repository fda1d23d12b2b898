"""What this process may use of the machine: cores and memory, as the container's limits say and not as the host has.

A process may be held to less memory than that (`at_most`), by what is resident of it: its own pages and those of files
that are mapped into it.

Reads cgroup v2 (`cpu.max`, `memory.max`) and v1 (`cpu.cfs_quota_us`, `memory.limit_in_bytes`), for the process' own
group and each above it: a limit anywhere on the way up holds.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from warmstart.engine.allocator import give_back

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
MOST_DECODERS = 16
"""Threads of one interpreter: what they do between two pictures takes turns."""
UNLIMITED = 1 << 60  # cgroup v1 writes "no limit" as a number close to 2^63


def _groups(controller: str, root: Path, membership: Path) -> Iterator[Path]:
    """Folders that hold this process' limits for `controller` ("" is v2), innermost first, the mount point last."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            base = root / controllers if controller else root
            if controller and not base.is_dir():
                base = root / controller
            inner = base / path.strip("/")
            while inner != base and base in inner.parents:
                yield inner
                inner = inner.parent
            yield base


def _number(path: Path) -> int | None:
    """The number in a cgroup file; None if it is missing, "max", or not a number."""
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _cpu_quota(folder: Path) -> float | None:
    """Cores that one group may use at once (quota / period); None where nothing limits it."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    old_quota, old_period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return old_quota / old_period if old_quota and old_quota > 0 and old_period else None


def cores(root: Path = ROOT, membership: Path = MEMBERSHIP) -> int:
    """CPU cores this process may use: the least of affinity and every cgroup quota (rounded up), at least 1.

    >>> 1 <= cores() <= os.cpu_count()
    True
    """
    count = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    for controller in ("", "cpu"):
        for folder in _groups(controller, root, membership):
            count = min(count, _cpu_quota(folder) or math.inf)
    return max(1, math.ceil(count))


def decoders(device: torch.device) -> int:
    """Threads that decode images: two beside a network that uses the cores itself, all of them beside a GPU.

    >>> decoders(torch.device("cpu"))
    2
    """
    return 2 if device.type == "cpu" else max(2, min(cores(), MOST_DECODERS))


_LIMITS: list[int] = []
"""Those that hold now, the innermost last."""


@contextlib.contextmanager
def at_most(limit: int | None) -> Iterator[None]:
    """Hold this process to so many resident bytes; `None` to what it may have anyway. Of one within another, the less.

    It holds nothing back by force: whoever plans memory asks `memory_available`, and finds less of it.
    """
    if limit is None:
        yield
        return
    _LIMITS.append(limit)
    try:
        yield
    finally:
        _LIMITS.remove(limit)


def memory_limit() -> int | None:
    """What the process is held to; `None` if to nothing.

    >>> with at_most(10**9):
    ...     memory_limit()
    1000000000
    """
    return min(_LIMITS, default=None)


def resident() -> int:
    """Bytes of this process that lie in memory, mapped files included: what `ps` calls RSS."""
    return int(psutil.Process().memory_info().rss)


def memory_available(root: Path = ROOT, membership: Path = MEMBERSHIP) -> int:
    """Bytes this process can still allocate: what is free, or less where its limit or a cgroup's leaves less."""
    free = int(psutil.virtual_memory().available)
    own = memory_limit()
    if own is not None:
        give_back()
        free = min(free, own - resident())
    names = {"": ("memory.max", "memory.current"), "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes")}
    for controller, (limit_name, usage_name) in names.items():
        for folder in _groups(controller, root, membership):
            limit = _number(folder / limit_name)
            if limit is not None and limit < UNLIMITED:
                free = min(free, limit - _used(folder, usage_name))
    return max(0, free)


def _used(folder: Path, usage_name: str) -> int:
    """Bytes in use that cannot be reclaimed: page cache counts as use in a cgroup, yet it gives way to allocations."""
    usage = _number(folder / usage_name) or 0
    try:
        rows = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        rows = {}
    return max(0, usage - int(rows.get("inactive_file", rows.get("total_inactive_file", 0))))
