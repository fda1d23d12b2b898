"""Where what is computed once is kept, and how much of it."""

from __future__ import annotations

from pathlib import Path

from warmstart.cache.store import default_cache_dir
from warmstart.planning.compile import DEFAULT
from warmstart.planning.plan import CacheLimits


def cache_folder(cache: str | Path | None) -> Path:
    """The folder that was named, by default the user's cache folder."""
    return default_cache_dir() if cache is None else Path(cache)


def cache_bytes(limits: CacheLimits) -> int:
    """Bytes of the cache folder, which others share."""
    return max(limits.total, DEFAULT.total)
