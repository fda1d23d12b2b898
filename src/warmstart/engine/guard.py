"""Back to the last finite state when a value stops being finite."""

from __future__ import annotations

from warmstart.engine.checkpoint import Record
from warmstart.engine.events import Decided, Listener
from warmstart.engine.training import Training
from warmstart.engine.watch import NonFiniteError
from warmstart.errors import TrainingError

ATTEMPTS = 3


class Guard:
    """Holds in memory what training moves, as it was at the start of the epoch under way (or where it was resumed)."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._record: Record | None = None

    def keep(self, training: Training) -> None:
        """Take note of the present state, which is finite."""
        self._record = training.capture(full=False)

    def roll_back(self, training: Training, error: NonFiniteError) -> None:
        """Restore the noted state with half the rate; raises `TrainingError` the fourth time in a phase."""
        halvings = training.progress.halvings + 1
        if self._record is None or halvings > ATTEMPTS:
            raise TrainingError(
                f"training does not stay finite ({error}), also at 1/{2**ATTEMPTS} of the rate",
                expected="finite loss and gradients",
                do="lower the learning rate, and run `warmstart check` on the data",
            ) from error
        training.restore(self._record)
        training.progress.halvings = halvings
        text = f"{error}: back to the start of epoch {training.progress.epoch + 1} at 1/{2**halvings} of the rate"
        self._listener(Decided(text, {"halvings": halvings}))
