"""Who runs the errands of a `recommend`: this process one after the other, or the workers of a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from warmstart.api.recommending.looking import Asked, Errand, Looking, work
from warmstart.engine.events import Listener
from warmstart.engine.fanout.cluster import OnRay
from warmstart.engine.fanout.spread import GivenUp, spread


class Hands(Protocol):
    """Whoever runs errands. In place of what came of one there is `GivenUp` where each worker that took it died."""

    @property
    def at_once(self) -> int:
        """Errands that are run side by side."""
        ...

    def run(self, errands: Sequence[Errand], ready: Callable[[], bool]) -> dict[str, Any]:
        """What came of each by its candidate, in order; of those that were begun before `ready` said no."""
        ...


class Here:
    """This process."""

    at_once = 1

    def __init__(self, looking: Looking) -> None:
        self._looking = looking

    def run(self, errands: Sequence[Errand], ready: Callable[[], bool]) -> dict[str, Any]:
        """One after the other."""
        found = dict[str, Any]()
        for errand in errands:
            if not ready():
                break
            found[errand.uri] = errand.done(self._looking)
        return found


class There:
    """Workers. What is decided there is told here."""

    def __init__(self, crew: OnRay, listener: Listener) -> None:
        self._crew, self._listener = crew, listener

    @property
    def at_once(self) -> int:
        """As many as the cluster has cores."""
        return self._crew.most

    def run(self, errands: Sequence[Errand], ready: Callable[[], bool]) -> dict[str, Any]:
        """Side by side."""
        found = dict[str, Any]()
        for errand, result in spread(self._crew, errands, name=str, listener=self._listener, ready=ready):
            if isinstance(result, GivenUp):
                found[errand.uri] = result
            else:
                found[errand.uri], decided = result
                for event in decided:
                    self._listener(event)
        return {errand.uri: found[errand.uri] for errand in errands if errand.uri in found}


@contextlib.contextmanager
def hands(address: str | None, looking: Looking, asked: Asked) -> Iterator[Hands]:
    """Those for the cluster that this process has joined, or for none."""
    if address is None:
        yield Here(looking)
        return
    with OnRay(work, asked, address, Path.cwd()) as crew:
        yield There(crew, looking.listener)
