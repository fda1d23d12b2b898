"""Outputs of any task as what model selection and statistics work on: values by sample, a temperature, a rank."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.evaluation.anomalies import intervals_of_anomalies
from warmstart.evaluation.calibration import cautious_temperature, fit_temperature
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.task.base import Task

Array = npt.NDArray[np.float64]
RATIOS = ("detect", "segment")
"""Tasks whose metrics are ratios of sums."""


def scores(task: Task, outputs: Tensor, targets: Tensor) -> Array:
    """Values (m,) of the m samples whose label is known; their mean is the primary metric.

    >>> import torch
    >>> from warmstart.task.classify import CLASSIFY
    >>> scores(CLASSIFY, torch.eye(2), torch.tensor([0, 0])).tolist()
    [1.0, 0.0]
    """
    found: Array = task.values(outputs, targets)[task.primary_metric].numpy()
    return found


def of_known(task: Task, targets: Tensor, units: IntArray | None) -> IntArray | None:
    """The units (m,) of the samples that `scores` has a value of, of those of all samples (n,)."""
    return None if units is None else units[task.known(targets).numpy()]


def interval_of(task: Task, outputs: Tensor, targets: Tensor, seed: int, units: IntArray | None = None) -> Interval:
    """The primary metric with its 95 % interval; `units` (n,) number samples that belong together."""
    if task.name == "anomaly":
        return intervals_of_anomalies(task, outputs, targets, seed=seed, units=units)[task.primary_metric]
    whole = of_known(task, targets, units)
    return bounded(task, bootstrap(scores(task, outputs, targets), seed=seed, units=whole))


def bounded(task: Task, share: Interval) -> Interval:
    """The interval of a share, within 0 and 1: values by image of a ratio of sums are linearised, and their means may
    leave that.
    """
    return share.within(0.0, 1.0) if task.name in RATIOS else share


def temperature_of(task: Task, outputs: Tensor, targets: Tensor) -> float:
    """What to divide outputs by, from validation; 1 where the task has no use for it, or there is no label."""
    return cautious_temperature(outputs, targets) if task.calibrates and len(targets) else 1.0


@dataclasses.dataclass(frozen=True, order=True)
class Merit:
    """What one model is worth beside another: the larger primary metric, then the lower loss."""

    metric: float
    gain: float  # minus the loss, after a temperature of its own: an uncalibrated network would lose on confidence

    @classmethod
    def of(cls, task: Task, outputs: Tensor, targets: Tensor) -> Merit:
        """Measure outputs (n, ...) against targets."""
        outputs = calibrated(task, outputs, targets)
        return cls(float(scores(task, outputs, targets).mean()), -float(task.loss(outputs, targets)))


def calibrated(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Outputs at the temperature that suits these targets best."""
    return outputs / fit_temperature(outputs, targets) if task.calibrates else outputs
