"""Where a benchmark ran, in a line."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Cores, processor, system and Python."""
    cores = f"{os.cpu_count()} cores ({_processor()})"
    return f"{cores}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _processor(facts: Path = Path("/proc/cpuinfo")) -> str:
    """Name of the processor, and the widest vectors it has: they decide how fast a matrix product can be."""
    try:
        lines = [line.split(":", 1) for line in facts.read_text().splitlines() if ":" in line]
    except OSError:
        return platform.processor() or "unknown processor"
    found = {key.strip(): value.strip() for key, value in lines}
    flags = found.get("flags", "").split()
    widest = next((flag for flag in ("avx512f", "avx2", "avx") if flag in flags), "")
    return ", ".join(part for part in (found.get("model name", "unknown processor"), widest) if part)
