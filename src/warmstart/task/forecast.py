"""Forecasting: the quantiles of the next values of a series.

Outputs are quantiles (n, horizon times levels), step after step, as distances from the seasonal naive forecast in
standard deviations of the context; zeros are that forecast. Quantiles that cross are put in order, here and wherever
they are told: that never makes the loss larger (Chernozhukov, Fernandez-Val & Galichon 2010, "Quantile and probability
curves without crossing"). Targets are those of `ForecastTarget.encode`; steps whose value is not known do not count.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from warmstart.data.futures import QUANTILES, Forecast, ForecastTarget, Window
from warmstart.data.targets import Target, TaskName
from warmstart.errors import DataError
from warmstart.model.backbone import Backbone
from warmstart.model.beside import beside_input
from warmstart.model.head import LinearHead
from warmstart.preprocess.kinds import of_series
from warmstart.preprocess.series import Lengths
from warmstart.task.base import Values, linearised

LEAST = 1e-3
"""A seasonal naive forecast that loses less than this, in units of MASE, counts as losing so much: a skill against none
at all would be without bounds."""
_LOW, _HIGH = 0.1, 0.9


class Forecasting:
    """The forecasting task; see `warmstart.task.base.Task` for the contract.

    Args:
        levels: of the quantiles, ascending.
        context: steps that are seen; 0 is as many as a backbone reads of its own.
    """

    name: TaskName = "forecast"
    primary_metric = "skill"
    closed_form = True
    calibrates = False
    surprise = "mase"
    fields: tuple[str, ...] = ("forecast", "times", "quantiles")

    def __init__(self, levels: Sequence[float] = QUANTILES, context: int = 0) -> None:
        self.levels, self.context = tuple(levels), context
        self._middle = min(range(len(self.levels)), key=lambda k: abs(self.levels[k] - 0.5))

    def of(self, target: Target) -> Forecasting:
        """The task for the quantiles and the context of the target."""
        assert isinstance(target, ForecastTarget)
        return Forecasting(target.quantiles, target.context)

    def suited(self, backbone: Backbone) -> Backbone:
        """With the context beside the features; read at its own length, where the network takes any.

        A network that takes no more steps reads the last ones, one that takes but one number has it resampled.
        """
        spec, card = of_series(backbone.spec), backbone.card
        if self.context and not card.fixed_size:
            size = min(max(self.context, card.min_size), spec.limit or self.context + card.min_size)
            lengths: Lengths = "pad" if size <= self.context else "resample"
            spec = dataclasses.replace(spec, size=size, lengths=lengths)
            backbone = dataclasses.replace(backbone, spec=spec, card=dataclasses.replace(card, fixed_size=True))
        return beside_input(backbone)

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A linear head with an output for every quantile of every step."""
        return LinearHead(features, len(target.classes), dropout, seed)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Quantile loss, twice that of Koenker & Bassett 1978, mean over the known steps and the levels."""
        truth = Forecast.of(targets).values
        known = ~truth.isnan()
        if not bool(known.any()):
            return outputs.sum() * 0.0
        return self._pinball(self.quantiles(outputs)[known], truth[known]).mean()

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of steps whose value is known; 1 where there is none."""
        return float((~Forecast.of(targets).values.isnan()).sum()) or 1.0

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """There are no classes to balance."""
        return torch.ones(classes)

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Quantiles in order."""
        return self.quantiles(outputs).flatten(1)

    def quantiles(self, outputs: Tensor) -> Tensor:
        """Outputs as quantiles in order (n, horizon, levels).

        >>> Forecasting((0.1, 0.9)).quantiles(torch.tensor([[2.0, 1.0]])).tolist()
        [[[1.0, 2.0]]]
        """
        horizon = outputs.shape[1] // len(self.levels)  # not -1: after all labels are learned from, no row is left
        found: Tensor = outputs.reshape(outputs.shape[0], horizon, len(self.levels)).sort(dim=-1).values
        return found

    def known(self, targets: Tensor) -> Tensor:
        """Which windows have a known future value (n,)."""
        values: Tensor = Forecast.of(targets).values
        return ~values.isnan().all(1)

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """Skill, scaled errors (MASE, and SQL for quantiles), sMAPE, weighted quantile loss, coverage; by window.

        Skill is `1 - SQL / SQL of the seasonal naive forecast`, both over all windows (as in fev-bench, Shchur et al.
        2025): errors are scaled by window, so that series of large numbers count no more than others.

        >>> from warmstart.data.futures import ForecastTarget, Window
        >>> past = np.array([0.0, 2.0, 1.0, 3.0])
        >>> target, window = ForecastTarget(1, 4, quantiles=(0.1, 0.5, 0.9)), Window(past[None], past=past)
        >>> truth = torch.from_numpy(target.encode([target.label(window, np.array([3.0]))]))
        >>> found = Forecasting(target.quantiles).values(torch.zeros(1, 3), truth)
        >>> found["mase"].item(), found["skill"].item(), found["coverage_80"].item()
        (0.0, 1.0, 1.0)
        """
        some = self.known(targets)
        if not bool(some.any()):
            raise DataError("no sample with a known label to measure on", expected="at least one known future value")
        said, told = self.quantiles(outputs.double())[some], Forecast.of(targets.double()[some])
        known = ~told.values.isnan()
        count, z = known.sum(1), told.values.nan_to_num()
        by_step = self._pinball(said, z).mean(-1) * known  # (m, horizon)
        error = (said[..., self._middle] - z).abs() * known
        ratio = told.scale / told.unit
        size = told.scale[:, None]
        truth, middle = told.base + size * z, told.base + size * said[..., self._middle]
        whole = ((truth.abs() + middle.abs()) * known).clamp_min(torch.finfo(torch.float64).tiny)
        sql = by_step.sum(1) / count * ratio
        found = {
            "skill": linearised(torch.stack([sql, told.reference], 1), lambda m: 1 - m[0] / m[1].clamp_min(LEAST)),
            "mase": error.sum(1) / count * ratio,
            "sql": sql,
            "smape": (2 * size * error / whole).sum(1) / count,
        }
        losses = torch.stack([(size * by_step).sum(1), (truth.abs() * known).sum(1)], 1)
        if bool(losses[:, 1].sum() > 0):
            found["wql"] = linearised(losses, lambda m: m[0] / m[1])
        if _LOW in self.levels and _HIGH in self.levels:
            low, high = (said[..., self.levels.index(level)] for level in (_LOW, _HIGH))
            found["coverage_80"] = (((z >= low) & (z <= high)) * known).sum(1) / count
        return found

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`."""
        return {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """The mean of the quantiles."""
        return torch.stack([self.quantiles(each).flatten(1) for each in outputs]).mean(0)

    def checked(self, outputs: Tensor) -> Tensor:
        """Quantiles, in the unit of the network."""
        return self.quantiles(outputs.double()).flatten(1)

    def decode(self, outputs: Tensor, target: Target, windows: Sequence[Window] = ()) -> Sequence[dict[str, Any]]:
        """One dict per row: the median forecast, its times, and quantiles by level, in the user's unit.

        Without `windows`, in the unit of the network.

        >>> window = Window(np.array([[1.0, 3.0]]), past=np.array([1.0, 3.0]), ahead=("2024-03-01",))
        >>> target = ForecastTarget(1, 2, quantiles=(0.1, 0.5, 0.9))
        >>> Forecasting(target.quantiles).decode(torch.tensor([[-1.0, 0.0, 2.0]]), target, [window])
        [{'forecast': [3.0], 'times': ['2024-03-01'], 'quantiles': {'0.1': [2.0], '0.5': [3.0], '0.9': [5.0]}}]
        """
        assert isinstance(target, ForecastTarget)
        said = self.quantiles(outputs.double())
        if windows:
            base = torch.from_numpy(np.stack([target.base(window) for window in windows]))
            scale = torch.tensor([target.scale(window) for window in windows], dtype=torch.float64)
            said = base[:, :, None] + scale[:, None, None] * said
        times = [list(window.ahead) or list(range(target.horizon)) for window in windows]
        times = times or [list(range(target.horizon))] * len(said)
        return [
            {
                "forecast": rows[:, self._middle].tolist(),
                "times": at,
                "quantiles": {f"{level:g}": rows[:, k].tolist() for k, level in enumerate(self.levels)},
            }
            for rows, at in zip(said, times, strict=True)
        ]

    def _pinball(self, said: Tensor, truth: Tensor) -> Tensor:
        """Twice the quantile loss (..., levels) of quantiles (..., levels) for the truth (...)."""
        at = said.new_tensor(self.levels)
        error = truth[..., None] - said
        return 2 * torch.maximum(at * error, (at - 1) * error)


FORECAST = Forecasting()
"""Of deciles; `of` makes it that of a target."""
