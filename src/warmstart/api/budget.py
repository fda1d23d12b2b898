"""Times as people write them."""

from __future__ import annotations

import re

from warmstart.errors import WarmstartError

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
