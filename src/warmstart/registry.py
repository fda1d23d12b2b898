"""Names to things, in one way for backbones, recipes, tasks, heads and steps.

An entry is either the thing itself or a `"module:attribute"` string that is imported on first use, so that listing
names never imports torch.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Generic, TypeVar, cast

from warmstart.errors import WarmstartError, alike

T = TypeVar("T")


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Let the garbage collector rest: while torch is imported, it looks for half a second and finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def imported(name: str) -> ModuleType:
    """A module, imported without looking for garbage meanwhile.

    >>> imported("json").loads("[1]")
    [1]
    """
    with no_collection():
        return importlib.import_module(name)


class Registry(Generic[T]):
    """A named collection with helpful errors.

    >>> colours: Registry[int] = Registry("colour")
    >>> colours.add("red", 1)
    >>> colours["red"]
    1
    """

    def __init__(self, kind: str, error: type[WarmstartError] = WarmstartError) -> None:
        self.kind = kind
        self._error = error
        self._entries: dict[str, T | str] = {}

    def add(self, name: str, thing: T | str) -> None:
        """Register `thing`, or the `"module:attribute"` where it is to be found, under a name not yet taken."""
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is registered already")
        self._entries[name] = thing

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator form of `add`."""

        def keep(thing: T) -> T:
            self.add(name, thing)
            return thing

        return keep

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            raise self._error(
                f"no {self.kind} is called {name!r}",
                expected=f"one of {', '.join(sorted(self._entries))}",
                do=f"the nearest: {close}" if (close := alike(name, self._entries)) else "take one of these",
            )
        thing = self._entries[name]
        if isinstance(thing, str):
            module, _, attribute = thing.partition(":")
            thing = cast(T, getattr(imported(module), attribute))
            self._entries[name] = thing
        return thing

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
