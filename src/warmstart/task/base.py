"""The contract of a task: head, loss, metrics, decode. Adding a task is one file beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from warmstart.data.schema import ClassTarget
from warmstart.registry import Registry


class Task(Protocol):
    """What the engine needs to know of a task, and nothing more."""

    name: str
    primary_metric: str
    """Key of `metrics` that model selection maximises (larger is better)."""

    def head(self, features: int, target: ClassTarget, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A new head on `features` inputs; initialised from `seed` alone."""
        ...

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Mean loss of a batch. `targets` are class indices (n,) or, after mixing, probabilities (n, classes)."""
        ...

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Metrics of all outputs (n, classes) against true indices (n,)."""
        ...

    def decode(self, outputs: Tensor, target: ClassTarget) -> Sequence[dict[str, Any]]:
        """What a user reads: one plain dict per sample, with names rather than indices."""
        ...


tasks: Registry[Task] = Registry("task")
tasks.add("classify", "warmstart.task.classify:CLASSIFY")
