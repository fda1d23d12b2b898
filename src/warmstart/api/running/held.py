"""A command held to the memory that it is given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from warmstart.api.running.budget import memory_bytes
from warmstart.engine.machine import at_most

P = ParamSpec("P")
R = TypeVar("R")


def within_memory(command: Callable[P, R]) -> Callable[P, R]:
    """The command, whose process is held to its `max_memory` while it runs; with `workers` that are processes of their
    own on this machine, each has as large a part of it as this one.
    """

    @functools.wraps(command)
    def held(*args: P.args, **kwargs: P.kwargs) -> R:
        most = memory_bytes(cast("str | int | None", kwargs.get("max_memory")))
        workers = int(cast(int, kwargs.get("workers", 1)))
        if most is not None and workers > 1 and kwargs.get("ray") is None:
            most //= workers + 1
        with at_most(most):
            return command(*args, **kwargs)

    return held
