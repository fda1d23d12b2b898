"""Room on the disk: how much is free, and how the store stays within its budget."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from pathlib import Path

from warmstart.cache.chunk import SUFFIX, TEMPORARY

_CHUNK = re.compile(r"[0-9a-f]{32}" + re.escape(SUFFIX))
_ABANDONED = re.compile(r"[0-9a-f]{32}\.\d+\.[0-9a-f]{8}" + re.escape(TEMPORARY))
_ABANDONED_AFTER = 3600.0  # seconds; no write of one chunk takes so long


def free_bytes(path: Path) -> int:
    """Bytes free on the disk that `path`, or the nearest folder above it that exists, lies on."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def make_room(folder: Path, budget_bytes: int) -> int:
    """Delete the least recently used chunks under `folder` until all take at most `budget_bytes`; the bytes left.

    Files that a killed process left half written go too. What has not the name of a chunk is not touched.
    """
    chunks: list[tuple[float, int, Path]] = []
    for path in folder.glob("*/*/*"):
        with contextlib.suppress(OSError):  # another process deletes as well
            stat = path.stat()
            if _CHUNK.fullmatch(path.name):
                chunks.append((stat.st_mtime, stat.st_size, path))
            elif _ABANDONED.fullmatch(path.name) and time.time() - stat.st_mtime > _ABANDONED_AFTER:
                path.unlink()
    used = sum(size for _, size, _ in chunks)
    for _, size, path in sorted(chunks):
        if used <= budget_bytes:
            break
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            used -= size
    return used
