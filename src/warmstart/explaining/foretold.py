"""What is explained of a forecast: how its values follow from the stretches of the past, in the user's unit.

The past acts twice: the network reads it, and a forecast departs from its last season, in units of its spread. Both are
explained: the input here is the past itself, (1, 1, steps), and all that is made of it is made anew where a stretch of
it is covered by a straight line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from warmstart.data.futures import ForecastTarget, Window, known_past
from warmstart.errors import DataError
from warmstart.explaining.asked import Asked, Pick
from warmstart.preprocess.kinds import of_series
from warmstart.task.forecast import Forecasting


@dataclasses.dataclass(frozen=True)
class AskedOfFuture(Asked):
    """Networks that forecast, asked of a past as it is given: outputs (n, horizon, levels) in the user's unit."""

    target: ForecastTarget = dataclasses.field(default_factory=lambda: ForecastTarget(1, 2))

    def outputs(self, x: Tensor) -> Tensor:
        """Quantiles of pasts (n, 1, steps)."""
        task, spec = self.task, of_series(self.spec)
        assert isinstance(task, Forecasting), "of forecasts"
        windows = [window_of(row, self.target.context) for row in x[:, 0].numpy()]
        read = torch.stack([torch.from_numpy(spec.read(window.values)) for window in windows])
        found = task.quantiles(self.combined([network(read) for network in self.networks]).double())
        base = torch.from_numpy(np.stack([self.target.base(window) for window in windows]))
        scale = torch.tensor([self.target.scale(window) for window in windows], dtype=torch.float64)
        return base[:, :, None] + scale[:, None, None] * found


def window_of(past: np.ndarray, context: int) -> Window:
    """What is read of a past (steps,): its end, with missing values before it where it is shorter than the context.

    >>> window_of(np.array([1.0, 2.0]), 3).values.tolist()
    [[nan, 1.0, 2.0]]
    """
    values = np.full((1, context), np.nan)
    some = past[-context:]
    values[0, context - len(some) :] = some
    return Window(values, past=past, step=len(past))


def future_asked(asked: Asked, target: ForecastTarget, window: Window, label: str | None) -> tuple[Asked, Pick, Tensor]:
    """What is asked of one window, what is explained of its forecast, and the past (1, 1, steps).

    Args:
        asked: of the networks.
        target: of the forecast.
        window: what it is made from.
        label: `+3`, the median of the third step; `+3 q0.9`, a quantile of it. By default the mean of the medians.

    Raises `DataError` for a label that there is not, and where no value is known.
    """
    if not np.isfinite(window.values).any():
        raise DataError("there is no known value to go on from", expected="some among its last ones")
    past = known_past(window.past[-max(target.context, target.season) :])
    name, value = _chosen(target, label)
    about = AskedOfFuture(asked.networks, asked.spec, asked.task, 1.0, target=target)
    return about, Pick(name, value, value, False), torch.from_numpy(past.copy())[None, None]


def _chosen(target: ForecastTarget, label: str | None) -> tuple[str, Callable[[Tensor], Tensor]]:
    levels = target.quantiles
    middle = min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))
    if label is None:
        steps = f"the next {target.horizon} steps" if target.horizon > 1 else "the next step"
        return f"the mean of {steps}", lambda found: found[:, :, middle].mean(1)
    step, _, level = label.partition(" q")
    names = [f"{one:g}" for one in levels]
    number = int(step[1:]) if step[:1] == "+" and step[1:].isdecimal() else 0
    if not 1 <= number <= target.horizon or (level and level not in names):
        raise DataError(
            f"there is no label {label!r}",
            expected=f"a step from +1 to +{target.horizon}, and behind it a quantile: q{', q'.join(names)}",
            do="say such as `+1`, or leave it out for the mean of all steps",
        )
    k = names.index(level) if level else middle
    return label, lambda found: found[:, number - 1, k]
