"""Learning curves for TensorBoard: one scalar per number, one folder per attempt, so that they lie over each other."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from warmstart.files import folder_name

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


@runtime_checkable
class Measurement(Protocol):
    """What is drawn of an event: the engine's `Measured` has this shape. This room must not know the engine."""

    rung: str
    phase: str
    step: int
    values: dict[str, float]


class TensorBoardListener:
    """A listener that writes event files below `folder`, one subfolder per rung. Use it as a context manager.

    TensorBoard is imported when the first number arrives: it takes a second, and most runs want it late or never.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, SummaryWriter] = {}

    def __call__(self, event: object) -> None:
        """Write the numbers of a measurement under "phase/name" at its step; other events are not drawn."""
        if not isinstance(event, Measurement):
            return
        if event.rung not in self._writers:
            from torch.utils.tensorboard.writer import SummaryWriter

            self._writers[event.rung] = SummaryWriter(str(self._folder / folder_name(event.rung)))
        writer = self._writers[event.rung]
        for name, number in event.values.items():
            writer.add_scalar(f"{event.phase}/{name}", number, event.step)
        writer.flush()

    def close(self) -> None:
        """Close all files; calling again does nothing."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def __enter__(self) -> TensorBoardListener:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
