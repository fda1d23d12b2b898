"""What this process may use of the machine: cores and memory, as the container's limits say and not as the host has.

Reads cgroup v2 (`cpu.max`, `memory.max`) and v1 (`cpu.cfs_quota_us`, `memory.limit_in_bytes`), for the process' own
group and each above it: a limit anywhere on the way up holds.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

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


def memory_available(root: Path = ROOT, membership: Path = MEMBERSHIP) -> int:
    """Bytes this process can still allocate: what the machine has free, or less if a cgroup's limit leaves less."""
    free = int(psutil.virtual_memory().available)
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
