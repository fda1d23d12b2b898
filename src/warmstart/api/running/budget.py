"""Times and sizes as people write them."""

from __future__ import annotations

import re
from typing import cast, get_args

from warmstart.api.running.sizes import size_bytes
from warmstart.engine.machine import memory_limit
from warmstart.errors import WarmstartError
from warmstart.model.activation import ActivationDtype
from warmstart.planning.compile import DEFAULT
from warmstart.planning.plan import CacheLimits

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(budget: str | float) -> float:
    """Seconds from `90`, `"90s"`, `"5m"`, `"1.5h"`.

    >>> seconds("5m")
    300.0
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(budget))
    if match is None or float(match[1]) <= 0:
        raise WarmstartError(
            f"budget {str(budget)!r} is not a time", expected="a positive number with s, m or h: 90s, 5m, 2h"
        )
    return float(match[1]) * _UNITS[match[2] or "s"]


def memory_bytes(max_memory: str | int | None) -> int | None:
    """Bytes from `"2GB"`, as of a cache budget; `None` where nothing is said.

    >>> memory_bytes("1.5GB")
    1500000000
    """
    return None if max_memory is None else size_bytes(max_memory, "max memory")


def cache_limits(budget: str | int, dtype: str) -> CacheLimits:
    """What may be stored: in all as `budget` says, of that in memory as much as the default, or what the process is
    held to, allows.
    """
    if dtype not in get_args(ActivationDtype):
        raise WarmstartError(f"cache dtype {dtype!r}", expected=f"one of {', '.join(get_args(ActivationDtype))}")
    total = size_bytes(budget)
    limits = CacheLimits(total, min(total, DEFAULT.memory), cast(ActivationDtype, dtype))
    most = memory_limit()
    return limits if most is None else limits.within(most)
