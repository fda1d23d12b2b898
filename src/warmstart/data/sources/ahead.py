"""What a model that forecasts is asked for, and what it is measured on."""

from __future__ import annotations

from typing import Any

from warmstart.data.futures import ForecastTarget
from warmstart.data.origins import origins, thinned
from warmstart.data.schema import Sample
from warmstart.data.sources.histories import read_histories
from warmstart.data.windows import Asked, latest, windows_of


def forecast_inputs(target: ForecastTarget, inputs: Any, **columns: str | None) -> tuple[Sample, ...]:
    """The end of each series of `inputs`, of whatever form `read_histories` takes, or of samples as they are.

    A series that is shorter than the context has missing values before it; one without any value has no answer.

    >>> (sample,) = forecast_inputs(ForecastTarget(2, 3), [5.0, 6.0])
    >>> sample.source.ahead, sample.source.values.tolist()
    ((2, 3), [[nan, 5.0, 6.0]])
    """
    if isinstance(inputs, list | tuple) and inputs and all(isinstance(one, Sample) for one in inputs):
        return tuple(inputs)
    if isinstance(inputs, list | tuple) and len(inputs) == 1 and not isinstance(inputs[0], int | float):
        (inputs,) = inputs
    if isinstance(inputs, list | tuple) and inputs and all(isinstance(one, int | float) for one in inputs):
        inputs = [list(inputs)]
    return latest(read_histories(inputs, **columns), target)


def measured_windows(target: ForecastTarget, data: Any, **columns: str | None) -> tuple[Sample, ...]:
    """Windows of series whose future is known: origins a horizon apart, or closer where they would be few."""
    dataset = windows_of(read_histories(data, **columns), Asked(target.horizon, target.context, target.season))
    kept, _ = thinned(origins(dataset), target.horizon)
    return tuple(dataset.samples[int(i)] for i in kept)
