"""Pieces of work over a crew. One whose worker died is done again by another, up to a limit."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

from warmstart.engine.events import Decided, Listener
from warmstart.engine.fanout.crew import Crew, Died, Raised
from warmstart.errors import WorkerError

ATTEMPTS = 3
"""Workers that a piece may cost. What kills each of them (it does not fit into memory) would kill the next."""
POLL = 0.5
"""Seconds after which it is looked whether the user wants to stop."""
AHEAD = 3
"""Times as many pieces as can be done at once that may be begun before the oldest is over, where order is kept."""

Piece = TypeVar("Piece")


@dataclasses.dataclass(frozen=True)
class GivenUp:
    """In place of a result: each worker that took the piece died."""

    why: tuple[str, ...]

    def __str__(self) -> str:
        return f"each of the {len(self.why)} workers that took it died ({'; '.join(dict.fromkeys(self.why))})"

    def error(self, name: str, do: str) -> WorkerError:
        """For whoever cannot go on without the piece."""
        return WorkerError(
            f"{name} is given up: {self}", expected="workers that have memory enough, and are left alone", do=do
        )


@dataclasses.dataclass
class _Begun:
    number: int
    piece: Any
    deaths: tuple[str, ...] = ()


def spread(
    crew: Crew,
    pieces: Iterable[Piece],
    *,
    name: Callable[[Piece], str],
    listener: Listener,
    ready: Callable[[], bool] = lambda: True,
    stopped: Callable[[], bool] = lambda: False,
    ordered: bool = False,
) -> Iterator[tuple[Piece, Any]]:
    """(piece, what a worker made of it) as they come, or in order; `GivenUp` where each worker died.

    Args:
        crew: the workers.
        pieces: taken as they are begun, so there may be more than fit into memory.
        name: what a piece is called when it is told that its worker died.
        listener: hears of that.
        ready: no piece is begun once it says no; those that are begun come to their end.
        stopped: ends at once; whoever asks for it says why.
        ordered: give results in the order of the pieces. A bounded number then waits for the oldest.

    Raises:
        Exception: what a worker raised; in order, after the results before it.
    """
    todo, again, running = iter(pieces), deque[_Begun](), dict[Hashable, _Begun]()
    kept, begun, due = dict[int, tuple[Piece, Any]](), 0, 0
    while not stopped():
        while len(running) < crew.most and ready():
            if again:
                next_one = again.popleft()
            elif ordered and begun - due >= AHEAD * crew.most:
                break
            else:
                found = next(todo, None)
                if found is None:
                    break
                next_one, begun = _Begun(begun, found), begun + 1
            running[crew.begin(next_one.piece)] = next_one
        if not running:
            return
        for handle, outcome in crew.wait(POLL):
            one = running.pop(handle)
            result: Any = outcome
            if isinstance(outcome, Died):
                one.deaths = (*one.deaths, outcome.why)
                listener(Decided(_told(name(one.piece), one.deaths)))
                if len(one.deaths) < ATTEMPTS:
                    again.append(one)
                    continue
                result = GivenUp(one.deaths)
            kept[one.number if ordered else due] = (one.piece, result)
            while due in kept:
                piece, result = kept.pop(due)
                due += 1
                if isinstance(result, Raised):
                    raise result.error
                yield piece, result if isinstance(result, GivenUp) else result.value


def _told(name: str, deaths: tuple[str, ...]) -> str:
    last = len(deaths) == ATTEMPTS
    after = "it is given up" if last else "it is done again by another"
    return f"the worker that had {name} died ({deaths[-1]}), {len(deaths)} of {ATTEMPTS} times: {after}"
