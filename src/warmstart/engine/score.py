"""How one state of a network compares with another on validation, and the best one kept."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from torch import Tensor

from warmstart.engine.checkpoint import Record, under
from warmstart.task.base import Task

Score = tuple[float, float]
"""(primary metric, minus validation loss): larger is better, the loss decides between equal metrics."""


@dataclasses.dataclass(frozen=True)
class Validation:
    """A state of a network: its outputs on validation, and what they, or its training loss, are worth."""

    outputs: Tensor | None  # None where there are no validation samples
    loss: float
    metrics: dict[str, float]
    score: Score | None  # None when anything in it is not finite: such a state is never kept

    @classmethod
    def of(cls, task: Task, outputs: Tensor, targets: Tensor) -> Validation:
        """Measure outputs (n, classes) against true indices (n,), both on the CPU."""
        loss, metrics = float(task.loss(outputs, targets)), task.metrics(outputs, targets)
        primary = metrics.get(task.primary_metric, math.nan)
        finite = bool(outputs.isfinite().all()) and math.isfinite(primary) and math.isfinite(loss)
        return cls(outputs, loss, metrics, (primary, -loss) if finite else None)

    @classmethod
    def of_loss(cls, outputs: Tensor | None, loss: float) -> Validation:
        """Of a step that has no metric, or does not go by it: only its loss says which state is better."""
        return cls(outputs, loss, {}, (0.0, -loss) if math.isfinite(loss) else None)

    @property
    def values(self) -> dict[str, float]:
        """For a row of the learning curve: `val_loss` and `val_<metric>`."""
        return {"val_loss": self.loss} | {f"val_{name}": value for name, value in self.metrics.items()}


def better(score: Score | None, than: Score | None) -> bool:
    """Whether `score` is strictly better; a state without a (finite) score never is.

    >>> better((0.9, -0.3), (0.9, -0.4)), better(None, None), better((0.0, -9.0), None)
    (True, False, True)
    """
    return score is not None and (than is None or score > than)


@dataclasses.dataclass
class Best:
    """The best state so far, complete, on the CPU, with its outputs on validation. Without a score none is kept."""

    score: Score | None = None
    epoch: int = 0
    state: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    outputs: Tensor | None = None
    unsaved: bool = False

    def offer(self, validation: Validation, epoch: int, state: Callable[[], dict[str, Tensor]]) -> None:
        """Keep `state()` if it is better than the best so far; the state is not even copied otherwise."""
        if better(validation.score, self.score):
            self.score, self.epoch, self.state, self.unsaved = validation.score, epoch, state(), True
            self.outputs = validation.outputs

    def record(self) -> Record:
        """For `best.safetensors`."""
        outputs = {} if self.outputs is None else {"val/outputs": self.outputs}
        return Record(under("model", self.state) | outputs, {"score": self.score, "epoch": self.epoch})

    @classmethod
    def of(cls, record: Record | None) -> Best:
        """Inverse of `record`; nothing kept yet where there is none."""
        if record is None:
            return cls()
        score = record.state["score"]
        found = None if score is None else (float(score[0]), float(score[1]))
        return cls(found, int(record.state["epoch"]), record.part("model"), record.part("val").get("outputs"))
