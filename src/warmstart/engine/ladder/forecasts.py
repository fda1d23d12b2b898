"""What can be had of forecasts without any transfer: the last value, the last season, Theta, and one linear model.

All but the linear model are of each series alone, and made anew at every origin from what lies before it. Their
quantiles are those of the errors they have made there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from warmstart.data.futures import FloatArray, Forecast, ForecastTarget, Window, known_past, naive_quantiles
from warmstart.data.schema import IntArray
from warmstart.engine.heads.forecasts import fit_forecasts
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, Role
from warmstart.engine.ladder.theta import theta_quantiles
from warmstart.preprocess.series import SeriesSpec
from warmstart.task.forecast import Forecasting

Quantiles = Callable[[FloatArray, ForecastTarget], FloatArray]
"""Of a past (steps,) the quantiles (horizon, levels) of what comes, in the user's unit."""


def naive(past: FloatArray, target: ForecastTarget) -> FloatArray:
    """The last value, and the errors of such a forecast.

    >>> naive(np.array([1.0, 2.0, 4.0]), ForecastTarget(1, 2, 1, (0.5,))).tolist()
    [[4.0]]
    """
    base, spread = naive_quantiles(past, target.horizon, 1, target.quantiles)
    return np.asarray(base[:, None] + spread)


def seasonal(past: FloatArray, target: ForecastTarget) -> FloatArray:
    """The last season again, and the errors of such a forecast."""
    base, spread = naive_quantiles(past, target.horizon, target.season, target.quantiles)
    return np.asarray(base[:, None] + spread)


def theta(past: FloatArray, target: ForecastTarget) -> FloatArray:
    """The Theta method."""
    return theta_quantiles(past, target.horizon, target.season, target.quantiles)


@dataclasses.dataclass
class LocalRung:
    """A forecast of each series from its own past."""

    name: str = "seasonal_naive"
    about: str = "no transfer: the last season again"
    role: Role = "baseline"
    after: tuple[str, ...] = ()
    quantiles: Quantiles = seasonal
    each: float = 1e-3  # seconds a window, about

    def seconds(self, context: LadderContext) -> float:
        """By the number of windows."""
        return 1.0 + self.each * len(context.data.split.val)

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """There is nothing to learn from other series."""
        target = _target(context)

        def outputs(indices: IntArray) -> Tensor:
            windows = [context.data.dataset.samples[int(i)].source for i in indices]
            said = [self.quantiles(known_past(window.past), target) for window in windows]
            rows = np.array(said).reshape(len(windows), target.horizon, len(target.quantiles))
            return in_units(torch.from_numpy(rows), context.data.targets(indices))

        return Contender(
            self.name, outputs, outputs(context.data.split.val), note=_note(target) if self.name != "naive" else ""
        )

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """The same: what lies before an origin is all that it ever knows."""
        return self.climb(context, earlier)


@dataclasses.dataclass
class SeasonalNaiveRung(LocalRung):
    """The last season again."""


@dataclasses.dataclass
class NaiveRung(LocalRung):
    """The last value."""

    name: str = "naive"
    about: str = "no transfer: the last value"
    quantiles: Quantiles = naive


@dataclasses.dataclass
class ThetaRung(LocalRung):
    """The Theta method, fitted anew at every origin."""

    name: str = "theta"
    about: str = "no transfer: the Theta method, of each series anew at every origin"
    quantiles: Quantiles = theta
    each: float = 2e-3

    def seconds(self, context: LadderContext) -> float:
        """By the number of windows; the first takes a while to be compiled."""
        return 3.0 + self.each * len(context.data.split.val)


@dataclasses.dataclass
class LinearRung:
    """Ridge regression from the context to the horizon, one for all series: what a network has to be better than.

    As in Zeng et al. 2023, "Are transformers effective for time series forecasting?" (their NLinear and DLinear).
    """

    name: str = "linear"
    about: str = "no transfer: one linear model of the context, for all series"
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def seconds(self, context: LadderContext) -> float:
        """By the number of windows and the length of the context."""
        n, d = len(context.data.split.train), _target(context).context
        return 1.0 + 2e-9 * n * d * min(n, d)

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Fit on the training windows."""
        data, target, task = context.data, _target(context), context.task
        assert isinstance(task, Forecasting)
        spec = SeriesSpec(size=target.context, lengths="pad")

        def inputs(indices: IntArray) -> Tensor:
            windows: list[Window] = [data.dataset.samples[int(i)].source for i in indices]
            rows = [spec.read(window.values)[0] for window in windows]
            return torch.from_numpy(np.array(rows, dtype=np.float32).reshape(len(rows), target.context))

        train = data.split.train
        fitted = fit_forecasts(inputs(train), data.targets(train), task)

        def outputs(indices: IntArray) -> Tensor:
            return fitted.logits(inputs(indices))

        note = f"of {target.context} steps, penalty {fitted.choice['penalty']:.3g}"
        return Contender(self.name, outputs, outputs(data.split.val), note=note)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """A baseline is fitted on the same samples as what it is compared with."""
        return self.climb(context, earlier)


ForecastRung = SeasonalNaiveRung | NaiveRung | ThetaRung | LinearRung
RUNGS: tuple[type[ForecastRung], ...] = (SeasonalNaiveRung, NaiveRung, ThetaRung, LinearRung)


def in_units(said: Tensor, targets: Tensor) -> Tensor:
    """Quantiles (n, horizon, levels) in the user's unit as outputs of a network (n, horizon times levels), float32."""
    told = Forecast.of(targets.double())
    found: Tensor = ((said - told.base[:, :, None]) / told.scale[:, None, None]).flatten(1).float()
    return found


def _target(context: LadderContext) -> ForecastTarget:
    target = context.data.dataset.target
    assert isinstance(target, ForecastTarget), "asked of forecasts alone"
    return target


def _note(target: ForecastTarget) -> str:
    return f"season of {target.season}" if target.season > 1 else "no season"
