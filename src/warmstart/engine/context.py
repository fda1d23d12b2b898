"""What every step of a recipe is told besides its plan and its data."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Listener
from warmstart.engine.interrupt import Interrupt
from warmstart.task.base import Task


@dataclasses.dataclass(frozen=True)
class Context:
    """`folder` is where the step may keep checkpoints; None keeps nothing. `rung` names the run in events.

    `tuned`: a step that follows trains the head, or the backbone through it, by gradients.
    """

    task: Task
    seed: int
    rung: str
    listener: Listener
    folder: Path | None
    deadline: Deadline
    interrupt: Interrupt
    tuned: bool = False
