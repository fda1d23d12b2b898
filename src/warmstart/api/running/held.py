"""A command held to the memory that it is given."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
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
        with at_most(share(kwargs)):
            return command(*args, **kwargs)

    return held


def share(options: Mapping[str, object]) -> int | None:
    """Bytes that each process of a command may take, by its options; `None` where they say nothing.

    >>> share({"max_memory": "3GB", "workers": 2, "ray": None}), share({"max_memory": "3GB"})
    (1000000000, 3000000000)
    """
    most = memory_bytes(cast("str | int | None", options.get("max_memory")))
    workers = int(cast(int, options.get("workers", 1)))
    return most // (workers + 1) if most is not None and workers > 1 and options.get("ray") is None else most
