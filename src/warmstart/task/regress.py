"""Regression: one or several numbers for each sample, in the unit that the target states.

Targets are float32 (n, k), NaN where a number is not known: it adds nothing to the loss and to no metric.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warmstart.data.targets import NumberTarget, Target, TaskName
from warmstart.model.head import LinearHead
from warmstart.task.base import Values, is_known, known_rows, linearised


@dataclasses.dataclass(frozen=True)
class Regress:
    """The regression task; see `warmstart.task.base.Task` for the contract.

    `unit` is what errors are told in: that of the user where there is one number, standard deviations where there are
    several.
    """

    unit: float = 1.0

    def of(self, target: Target) -> Regress:
        """The task in the unit of the target."""
        assert isinstance(target, NumberTarget)
        return Regress(target.scale[0] if len(target.scale) == 1 else 1.0)

    name: ClassVar[TaskName] = "regress"
    primary_metric = "r2"
    calibrates = False
    closed_form = True
    surprise = "mae"
    fields: ClassVar[tuple[str, ...]] = ("value", "values")

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A linear head with one output per number."""
        return LinearHead(features, len(target.classes), dropout, seed)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Squared error, mean over the samples that are known and over the numbers."""
        known = is_known(targets)[:, None]  # others become 0: to leave them out a GPU has to be waited for
        errors = torch.where(known, outputs - targets, 0.0)
        return errors.square().sum() / (known.sum() * outputs.shape[1]).clamp_min(1)

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of samples that are known."""
        return float(is_known(targets).sum())

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """There are no classes to balance."""
        return torch.ones(classes)

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Outputs as they are."""
        return outputs

    def known(self, targets: Tensor) -> Tensor:
        """Of which samples the numbers are known (n,)."""
        return is_known(targets)

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """R2 (mean over the numbers), and squared and absolute errors.

        >>> round(REGRESS.values(torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [1.0]]))["r2"].mean().item(), 6)
        -1.0
        """
        outputs, targets = known_rows(outputs, targets, self.known(targets))
        truth = targets.double()
        error = outputs - truth
        statistics = torch.cat([error.square(), truth, truth.square()], dim=1)
        return {
            "r2": linearised(statistics, _r2),
            "rmse": self.unit
            * linearised(error.square().mean(1, keepdim=True), lambda m: m[0].clamp_min(1e-24).sqrt()),
            "mae": self.unit * error.abs().mean(1),
        }

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`, and the rank correlation of the first number (Spearman)."""
        from scipy.stats import spearmanr

        found = {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}
        outputs, targets = known_rows(outputs, targets, self.known(targets))
        first, true = outputs[:, 0].numpy(), targets[:, 0].numpy()
        if len(first) > 2 and first.std() > 0 and true.std() > 0:
            found["spearman"] = float(spearmanr(first, true).statistic)
        return found

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """The mean."""
        return torch.stack(list(outputs)).mean(0)

    def checked(self, outputs: Tensor) -> Tensor:
        """Outputs, in the unit of the network."""
        return outputs.double()

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """One dict per row: the value in the user's unit, and all values by name where there are several.

        >>> REGRESS.decode(torch.tensor([[2.0]]), NumberTarget(("age",), (40.0,), (10.0,)))
        [{'value': 60.0, 'values': {'age': 60.0}}]
        """
        assert isinstance(target, NumberTarget)
        own = outputs.double() * torch.tensor(target.scale) + torch.tensor(target.centre)
        return [{"value": row[0], "values": dict(zip(target.classes, row, strict=True))} for row in own.tolist()]


def _root(mean: Tensor) -> Tensor:
    return mean[0].clamp_min(1e-24).sqrt()


def _r2(mean: Tensor) -> Tensor:
    """Of means (3k,): squared errors, targets, squared targets."""
    errors, targets, squares = mean.view(3, -1)
    found: Tensor = (1 - errors / (squares - targets.square()).clamp_min(1e-12)).mean()
    return found


REGRESS = Regress()
"""The one instance; it holds no state."""
