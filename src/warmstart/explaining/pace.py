"""How long an explanation takes, said beforehand: by the time of one pass, and how many a method makes."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from warmstart.errors import DataError
from warmstart.explaining.asked import Asked
from warmstart.explaining.methods import Method


def coarsest(method: Method) -> Method:
    """The method at the least cost, for a comparison of many maps."""
    while (other := method.coarser) is not None:
        method = other
    return method


def seconds_of(method: Method, asked: Asked, x: Tensor) -> float:
    """What a map of one input (1, ...) takes, about."""
    with torch.inference_mode():
        asked.outputs(x)  # the first is slower
        began = time.perf_counter()
        asked.outputs(x)
    return (time.perf_counter() - began) * method.passes(asked, x)


def within(method: Method, asked: Asked, x: Tensor, seconds: float) -> Method:
    """The method, made coarser as far as a map is to take no longer. Raises `DataError` that says how long it takes."""
    need = seconds_of(method, asked, x)
    passes = method.passes(asked, x)
    while need > seconds and (other := method.coarser) is not None:
        need, method = need * other.passes(asked, x) / passes, other
        passes = method.passes(asked, x)
    if need > seconds:
        raise DataError(
            f"an explanation of this input takes about {need:.0f} s",
            expected=f"at most {seconds:.0f} s",
            do="ask `warmstart explain`, which has no limit, serve with a longer --timeout, or send a shorter input",
        )
    return method
