"""A listener that draws what the engine tells: nested bars with the time left, a line per rung, decisions dimmed.

On a terminal the bars live below the lines; elsewhere (a log, a pipe) only the lines are written.
"""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from warmstart.cli.text import clean, duration
from warmstart.engine.events import Advanced, Decided, Event, Finished, Started

RUN, RUNG = "run ", "rung "


class _Count(MofNCompleteColumn):
    """`4/10`; nothing where the number of parts is not known."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class _Left(TimeRemainingColumn):
    """The time left; nothing where it cannot be known."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else Text.assemble(super().render(task), " left")


class ProgressListener:
    """Call it with events; use it as a context, so that the terminal is put in order however the command ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _Count(),
            TimeElapsedColumn(),
            _Left(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self.folder: str | None = None
        """The run folder, once it is there; what `--resume` is to be given."""

    def __enter__(self) -> ProgressListener:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case Started(what, total):
                self.folder = what.removeprefix(RUN) if what.startswith(RUN) else self.folder
                self._bars.start()
                indent = "  " * len(self._tasks)
                self._tasks[what] = self._bars.add_task(indent + clean(what), total=total or None)
            case Advanced(what, n):
                if what in self._tasks:
                    self._bars.advance(self._tasks[what], n)
            case Finished(what, seconds, values):
                self._finish(what, seconds, values)
            case Decided(text):
                self._line(clean(text), "dim")

    def _finish(self, what: str, seconds: float, values: dict[str, float]) -> None:
        if what in self._tasks:
            self._bars.remove_task(self._tasks.pop(what))
        if not self._tasks:
            self._bars.stop()
        if what.startswith(RUNG):
            shown = [f"{name} {value:.3f}" for name, value in values.items()]
            self._line("  ".join([clean(what.removeprefix(RUNG)), *shown, duration(seconds)]), "bold")

    def _line(self, text: str, style: str) -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)
