"""What the engine tells while it works. It prints nothing: the command line, the run log and TensorBoard listen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Started:
    """A unit of work begins; `total` is its number of parts (batches, epochs, rungs) or 0 if unknown."""

    what: str  # "features", "phase tune", "rung lp_ft", ...
    total: int = 0


@dataclasses.dataclass(frozen=True)
class Advanced:
    """`n` more parts of `what` are done."""

    what: str
    n: int = 1


@dataclasses.dataclass(frozen=True)
class Finished:
    """The unit of work is over. `values` are what came of it, by name, of a rung: those of the state that is kept."""

    what: str
    seconds: float = 0.0
    values: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Measured:
    """One row of a learning curve: numbers of one epoch (or of a closed-form fit), by name."""

    rung: str
    phase: str
    epoch: int
    step: int
    values: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Decided:
    """A decision the user should read once: "micro-batch 16 x 2", "learning rate 3e-4 by range test", ..."""

    text: str
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


Event = Started | Advanced | Finished | Measured | Decided
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that does nothing."""


def remembering(decisions: list[str]) -> Listener:
    """A listener that keeps what was decided, each once, in order."""

    def hear(event: Event) -> None:
        if isinstance(event, Decided) and event.text not in decisions:
            decisions.append(event.text)

    return hear


def broadcast(*listeners: Listener) -> Listener:
    """One listener that passes each event to all."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell
