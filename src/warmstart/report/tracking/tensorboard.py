"""Learning curves for TensorBoard: one run per rung, so that the curves of all of them lie in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmstart.files import folder_name
from warmstart.report.tracking.base import Begun, Final, Measurement

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


class TensorBoardTracker:
    """Writes event files below `tensorboard/` in the run folder, one subfolder per rung.

    TensorBoard is imported when the first number arrives: it takes a second, and most runs want it late or never.
    """

    def __init__(self, begun: Begun) -> None:
        self.identity: dict[str, str] = {}
        self._folder = begun.folder / "tensorboard"
        self._writers: dict[str, SummaryWriter] = {}

    def measured(self, row: Measurement) -> None:
        """Write the numbers under "phase/name" at their step."""
        if row.rung not in self._writers:
            from torch.utils.tensorboard.writer import SummaryWriter

            self._writers[row.rung] = SummaryWriter(str(self._folder / folder_name(row.rung)))
        writer = self._writers[row.rung]
        for name, number in row.values.items():
            writer.add_scalar(f"{row.phase}/{name}", number, row.step)
        writer.flush()

    def ended(self, final: Final) -> None:
        """Only curves are kept: the figures are in the report."""

    def close(self, status: str) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
