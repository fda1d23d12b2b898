"""What does pieces of work side by side, and what became of a piece."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any, Protocol


@dataclasses.dataclass(frozen=True)
class Done:
    """What a worker made of a piece."""

    value: Any


@dataclasses.dataclass(frozen=True)
class Raised:
    """What a worker raised. It would be raised again elsewhere."""

    error: BaseException


@dataclasses.dataclass(frozen=True)
class Died:
    """The worker is no more, and its piece may be done by another."""

    why: str


Outcome = Done | Raised | Died


class Crew(Protocol):
    """Workers. Each piece that one has begun has a handle, by which its outcome comes back."""

    @property
    def most(self) -> int:
        """Pieces that can be done at once."""
        ...

    def begin(self, piece: Any) -> Hashable:
        """Have a worker begin, of which there are fewer at work than `most`."""
        ...

    def wait(self, seconds: float) -> list[tuple[Hashable, Outcome]]:
        """What became of pieces that were begun: those that are over within so many seconds, each once."""
        ...
