"""Sizes as people write them; imports nothing, for what is to start at once."""

from __future__ import annotations

import re

from warmstart.errors import WarmstartError

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def size_bytes(size: str | int, what: str = "cache budget") -> int:
    """Bytes from `1000000`, `"500MB"`, `"2GB"`; nothing with `"0"`. `what` an error calls it.

    >>> size_bytes("1.5GB")
    1500000000
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*", str(size).lower())
    if match is None:
        raise WarmstartError(f"{what} {str(size)!r} is not a size", expected="bytes, or such as 500MB or 2GB")
    return int(float(match[1]) * _SIZES[match[2]])
