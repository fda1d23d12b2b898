"""A linear head for forecasts: ridge to every step of the horizon, and quantiles of the errors that it makes.

Windows overlap: to leave one out leaves nearly all of its future in, and the fit would look better than it is. So what
is left out is a stretch of time, with every window whose future reaches into it (blocked cross-validation with a gap:
Racine 2000, "hv-block"; Bergmeir & Benitez 2012). Where windows are too few for that, each one alone is left out, which
is exact. The penalty is that of the least squared error of the left-out answers; the errors of these, step by step, are
what the quantiles are made of, on the scale of each context.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from warmstart.data.futures import Forecast
from warmstart.engine.heads.base import FittedHead, standardised
from warmstart.engine.heads.ridge import PENALTIES, RidgePath
from warmstart.engine.heads.threads import threads_for
from warmstart.errors import TrainingError
from warmstart.model.head import LinearHead
from warmstart.task.forecast import Forecasting

BLOCKS = 5
"""Stretches of time that are left out, one after the other."""
MOST = 6000
"""Windows that it is fitted on, at most; evenly spaced in time."""
_PENALTIES = PENALTIES[::3]
_LEAST = 10
"""Windows that have to remain where a stretch is left out."""


def fit_forecasts(features: Tensor, targets: Tensor, task: Forecasting) -> FittedHead:
    """Fit on features (n, d) and targets (n, 2 horizon + 4) as `ForecastTarget.encode` makes them.

    Windows with a missing value in their future are left out of the fit.

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
    with threads_for(float(n) * d * min(n, d)):
        x, mean, std = standardised(rows)
        whole = RidgePath.of(x, y)
        parts = blocks(told.origin[used], y.shape[1])
        left_out = _by_blocks(x, y, parts, whole.scale / n) if parts else _one_by_one(whole)
        errors = [float((outputs - y).square().mean()) for outputs in left_out]
        chosen = int(np.argmin(errors))
        weight, bias = whole.weights(_PENALTIES[chosen] * whole.scale)
    residuals = y - left_out[chosen]
    spread = torch.quantile(residuals, residuals.new_tensor(task.levels), dim=0).T  # (horizon, levels)
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
    outputs[used] = (left_out[chosen][:, :, None] + spread).flatten(1).float()
    choice = {
        "penalty": _PENALTIES[chosen] * whole.scale,
        "squared_error": errors[chosen],
        "left_out": f"{len(parts)} stretches of time" if parts else "one window",
    }
    return FittedHead("ridge", head, outputs, choice)


def blocks(origins: Tensor, horizon: int) -> list[tuple[Tensor, Tensor]]:
    """Stretches of time as (rows to fit on, rows left out); none where too few rows would remain.

    No future of a row that is fitted on has a step in common with one that is left out.

    >>> fitted, held = blocks(torch.arange(100), 3)[0]
    >>> held.tolist() == list(range(20)), fitted[0].item()
    (True, 22)
    """
    edges = torch.quantile(origins.double(), torch.linspace(0, 1, BLOCKS + 1, dtype=torch.float64))
    found = []
    for k in range(BLOCKS):
        inside = (origins >= edges[k]) & ((origins < edges[k + 1]) | (k == BLOCKS - 1))
        if not bool(inside.any()):
            continue
        first, last = origins[inside].min(), origins[inside].max()
        apart = (origins <= first - horizon) | (origins >= last + horizon)
        if int(apart.sum()) < _LEAST:
            return []
        found.append((torch.nonzero(apart).flatten(), torch.nonzero(inside).flatten()))
    return found if len(found) > 1 else []


def _by_blocks(x: Tensor, y: Tensor, parts: list[tuple[Tensor, Tensor]], unit: float) -> list[Tensor]:
    """For each penalty the outputs (n, horizon) of fits without each row's stretch; `unit` is of a row."""
    outputs = [torch.empty_like(y) for _ in _PENALTIES]
    for fitted, held in parts:
        path, centre = RidgePath.of(x[fitted], y[fitted]), x[fitted].mean(0)
        for out, share in zip(outputs, _PENALTIES, strict=True):
            weight, bias = path.weights(share * unit * len(fitted))
            out[held] = (x[held] - centre) @ weight.T + bias
    return outputs


def _one_by_one(path: RidgePath) -> list[Tensor]:
    return [path.left_out(share * path.scale) for share in _PENALTIES]
