"""Single forecasts beside what came, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from warmstart.data.futures import FloatArray, ForecastTarget, Window
from warmstart.data.schema import Sample
from warmstart.evaluation.outcome import Foreseen
from warmstart.task.forecast import Forecasting

WORST, DRAWN = 4, 4
PAST = 3
"""Horizons before an origin that are shown, and 24 steps at least."""


def foreseen(
    task: Forecasting, outputs: Tensor, targets: Tensor, samples: Sequence[Sample], target: ForecastTarget
) -> tuple[Foreseen, ...]:
    """The windows of the largest scaled errors, of as many series as there are, and some drawn at random."""
    if not len(samples):
        return ()
    errors = task.values(outputs, targets)[task.surprise].tolist()
    order = sorted(range(len(samples)), key=lambda i: -errors[i])
    worst = list({_series(samples[i]): i for i in reversed(order)}.values())[::-1][:WORST]
    worst += [i for i in order if i not in worst][: WORST - len(worst)]
    rest = np.random.default_rng(0).permutation([i for i in order if i not in worst])[:DRAWN].tolist()
    picked = [*worst, *rest]
    answers = task.decode(outputs[picked], target, [samples[i].source for i in picked])
    found = []
    for i, answer in zip(picked, answers, strict=True):
        window: Window = samples[i].source
        future = np.asarray(samples[i].label, dtype=np.float64)[: target.horizon]
        found.append(
            Foreseen(
                id=samples[i].id,
                past=_told(window.past[-max(PAST * target.horizon, 24) :]),
                truth=_told(future),
                quantiles={level: tuple(values) for level, values in answer["quantiles"].items()},
                base=_told(target.base(window)),
                error=errors[i],
                worst=i in worst,
            )
        )
    return tuple(found)


def _series(sample: Sample) -> str:
    return sample.id.rpartition("@")[0]


def _told(values: FloatArray) -> tuple[float | None, ...]:
    return tuple(float(value) if np.isfinite(value) else None for value in values)
