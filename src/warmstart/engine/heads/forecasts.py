"""A linear head for forecasts: ridge to every step of the horizon, and quantiles of the errors that it makes.

Windows overlap: to leave one out leaves nearly all of its future in, and the fit would look better than it is. And
series move on: a stretch of time between others is easier to tell than one behind them all. So each of the later
stretches is answered by a fit on what ends before it begins, as the test will be (Tashman 2000, "Out-of-sample tests of
forecasting accuracy": rolling origins). Where windows are too few for that, each one alone is left out, which is exact.
The penalties are those of the least scaled error (MASE) of the left-out answers; their errors, step by step, are what
the quantiles are made of, on the scale of each context.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.data.futures import Forecast
from warmstart.engine.heads.base import FittedHead, standardised
from warmstart.engine.heads.ridge import PENALTIES, RidgePath
from warmstart.engine.heads.threads import threads_for
from warmstart.errors import TrainingError
from warmstart.model.backbone import FeatureGroup
from warmstart.model.beside import CONTEXT
from warmstart.model.head import LinearHead
from warmstart.task.forecast import Forecasting

STRETCHES = (0.4, 0.55, 0.7, 0.85, 1.0)
"""Shares of the windows, in order of time; what lies between two of them is answered from what is before it."""
MOST = 6000
"""Windows that it is fitted on, at most; evenly spaced in time."""
_PENALTIES = PENALTIES[::3]
_SHARES = (0.0, 0.1, 0.3, 1.0)
"""Of the scale of the context, that features beside it have; none comes first, and is taken if others are no better."""
_LEAST = 10
"""Windows that have to lie before a stretch."""


def fit_forecasts(
    features: Tensor, targets: Tensor, task: Forecasting, *, groups: Sequence[FeatureGroup] = ()
) -> FittedHead:
    """Fit on features (n, d) and targets (n, 2 horizon + 4) as `ForecastTarget.encode` makes them.

    Where one of the `groups` of columns is the context itself, the others have a penalty of their own, without bound
    too: that is a linear model of the context, which features have to be better than. Windows with a missing value in
    their future are left out of the fit.

    Raises:
        TrainingError: a feature is not finite, or fewer than three windows are wholly known.

    >>> x = torch.linspace(-1, 1, 40)[:, None]
    >>> extra = torch.stack([torch.ones(40), torch.ones(40), torch.ones(40), torch.arange(40)], 1)
    >>> targets = torch.cat([3 * x, torch.zeros(40, 1), extra], 1)
    >>> fit_forecasts(x, targets, Forecasting((0.1, 0.5, 0.9))).logits(torch.tensor([[0.5]])).round(decimals=1).tolist()
    [[1.5, 1.5, 1.5]]
    """
    told = Forecast.of(targets.double())
    known = torch.nonzero(~told.values.isnan().any(1)).flatten()
    if len(known) < 3:
        raise TrainingError(f"{len(known)} training windows whose future is known", "at least three", "give more")
    if not bool(torch.isfinite(features).all()):
        raise TrainingError("the features of some windows are not finite", do="check the backbone's weights")
    used = known[torch.linspace(0, len(known) - 1, min(len(known), MOST)).round().long()]
    rows, y = features[used].double(), told.values[used]
    n, d = rows.shape
    parts = blocks(told.origin[used], y.shape[1])
    with threads_for(float(n) * d * min(n, d)):
        x, mean, std = standardised(rows)
        ratio = (told.scale / told.unit)[used, None]
        tried = [_Path.of(x * by, y, parts, by, ratio) for by in scalings(groups, d)]
        path = min(tried, key=lambda each: each.error)
        weight, bias = path.weights()
    answered = ~path.left_out.isnan().any(1)
    spread = torch.quantile((y - path.left_out)[answered], y.new_tensor(task.levels), dim=0).T  # (horizon, levels)
    levels = len(task.levels)
    head = LinearHead(d, y.shape[1] * levels)
    head.set_linear(
        weight.repeat_interleave(levels, 0).float(),
        (bias[:, None] + spread).flatten().float(),
        mean.float(),
        std.float(),
    )
    head = head.eval()
    with torch.inference_mode():
        everywhere = head(features.float())
    outputs = everywhere.clone()
    outputs[used[answered]] = (path.left_out[answered, :, None] + spread).flatten(1).float()
    choice = {
        "penalty": path.penalty,
        "features": float(path.by[-1]),
        "error": path.error,
        "left_out": f"{len(parts)} stretches of time" if parts else "one window",
    }
    return FittedHead("ridge", head, outputs, choice)


@dataclasses.dataclass(frozen=True)
class _Path:
    """The best penalty for columns scaled `by` (d,), its left-out answers (n, horizon), and their error."""

    path: RidgePath
    by: Tensor
    penalty: float
    left_out: Tensor
    error: float

    @classmethod
    def of(cls, x: Tensor, y: Tensor, parts: list[tuple[Tensor, Tensor]], by: Tensor, ratio: Tensor) -> _Path:
        whole = RidgePath.of(x, y)
        left_out = _by_blocks(x, y, parts, whole.scale / len(x)) if parts else _one_by_one(whole)
        errors = [float(((outputs - y).abs() * ratio).nanmean()) for outputs in left_out]
        best = int(np.argmin(errors))
        return cls(whole, by, _PENALTIES[best] * whole.scale, left_out[best], errors[best])

    def weights(self) -> tuple[Tensor, Tensor]:
        """(weight (horizon, d), bias (horizon,)) of all rows, for columns as they were before they were scaled."""
        weight, bias = self.path.weights(self.penalty)
        return weight * self.by, bias


def scalings(groups: Sequence[FeatureGroup], d: int) -> list[Tensor]:
    """What columns (d,) are multiplied by, one set after the other: those beside the context less and less.

    At 1 both sides have the same variance in all, however many columns they have.
    """
    context = next((group for group in groups if group.name == CONTEXT), None)
    if context is None:
        return [torch.ones(d, dtype=torch.float64)]
    wide = context.stop - context.start
    found = []
    for share in _SHARES:
        by = torch.full((d,), share * (wide / max(d - wide, 1)) ** 0.5, dtype=torch.float64)
        by[context.start : context.stop] = 1.0
        found.append(by)
    return found


def blocks(origins: Tensor, horizon: int) -> list[tuple[Tensor, Tensor]]:
    """Stretches of time as (rows to fit on, rows left out); none where too few rows lie before the first.

    The future of a row that is fitted on ends before the first origin of those that are left out.

    >>> fitted, held = blocks(torch.arange(100), 3)[0]
    >>> fitted[-1].item(), held[0].item(), held[-1].item()
    (37, 40, 54)
    """
    edges = torch.quantile(origins.double(), origins.new_tensor(STRETCHES, dtype=torch.float64)).ceil()
    edges[-1] += 1
    found = []
    for start, stop in itertools.pairwise(edges):
        before, held = origins <= start - horizon, (origins >= start) & (origins < stop)
        if not bool(held.any()):
            continue
        if int(before.sum()) < _LEAST:
            return []
        found.append((torch.nonzero(before).flatten(), torch.nonzero(held).flatten()))
    return found


def _by_blocks(x: Tensor, y: Tensor, parts: list[tuple[Tensor, Tensor]], unit: float) -> list[Tensor]:
    """For each penalty the outputs (n, horizon) of fits before each row's stretch; `unit` is of a row."""
    outputs = [torch.full_like(y, torch.nan) for _ in _PENALTIES]
    for fitted, held in parts:
        path, centre = RidgePath.of(x[fitted], y[fitted]), x[fitted].mean(0)
        for out, share in zip(outputs, _PENALTIES, strict=True):
            weight, bias = path.weights(share * unit * len(fitted))
            out[held] = (x[held] - centre) @ weight.T + bias
    return outputs


def _one_by_one(path: RidgePath) -> list[Tensor]:
    return [path.left_out(share * path.scale) for share in _PENALTIES]
