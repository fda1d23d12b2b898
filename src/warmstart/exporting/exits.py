"""What comes out of an exported graph, for each task: numbers that a person can use without knowing of logits.

`finish` is part of the graph; `begin` is its inverse, so that what came out of a graph can be measured by the task.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from warmstart.data.targets import NumberTarget, Target
from warmstart.task.base import Task
from warmstart.task.forecast import Forecasting

_LEAST = 1e-12


@dataclasses.dataclass(frozen=True)
class Exit:
    """The output of a graph."""

    name: str
    holds: str
    """What it is, in words."""
    finish: Callable[[Tensor, Task, Target], Tensor]
    """From calibrated outputs as the task has them to those of the graph."""
    begin: Callable[[Tensor, Task, Target], Tensor]
    """The inverse."""
    told: Callable[[Tensor], Tensor] | None
    """The answers (n, ...) that a user would read, as whole numbers; `None` where answers are no choice."""
    columns: tuple[str, ...] = ()
    """What the last dimension holds, where that is not the classes."""
    compared: Callable[[Tensor, Task, Target], Tensor] = lambda x, task, target: x
    """What is compared with the bundle's, in a unit in which 1 is much."""


def _in_unit(outputs: Tensor, task: Task, target: Target) -> Tensor:
    assert isinstance(target, NumberTarget)
    return outputs * torch.tensor(target.scale) + torch.tensor(target.centre)


def _of_unit(values: Tensor, task: Task, target: Target) -> Tensor:
    assert isinstance(target, NumberTarget)
    return (values - torch.tensor(target.centre)) / torch.tensor(target.scale)


def _quantiles(outputs: Tensor, task: Task, target: Target) -> Tensor:
    assert isinstance(task, Forecasting)
    return task.quantiles(outputs)


def _log(values: Tensor, task: Task, target: Target) -> Tensor:
    return values.double().clamp_min(_LEAST).log()


EXITS: Mapping[str, Exit] = {
    "classify": Exit(
        "probabilities",
        "calibrated probability of each class",
        lambda x, task, target: x.softmax(-1),
        _log,
        lambda x: x.argmax(-1),
    ),
    "multilabel": Exit(
        "probabilities",
        "probability of each label, which is given above one half",
        lambda x, task, target: x.sigmoid(),
        lambda x, task, target: x.double().logit(eps=_LEAST),
        lambda x: (x > 0.5).long(),
    ),
    "regress": Exit("values", "each number, in its own unit", _in_unit, _of_unit, None, compared=_of_unit),
    "tag": Exit(
        "probabilities",
        "probability of each tag, for every token; that of a word is that of its first token",
        lambda x, task, target: x.softmax(-1),
        _log,
        lambda x: x.nan_to_num().argmax(-1),
    ),
    "forecast": Exit(
        "quantiles",
        "quantiles of each step, as distances from the seasonal naive forecast in standard deviations of the context",
        _quantiles,
        lambda x, task, target: x.flatten(1),
        None,
    ),
    "anomaly": Exit(
        "judged",
        "distance from what is normal (1 is typical), its p-value, and 1 for an alarm",
        lambda x, task, target: x,
        lambda x, task, target: x,
        lambda x: x[:, 2].round().long(),
        ("score", "p_value", "alarm"),
        # A p-value counts, so the last digit of a score may move it by a whole sample.
        lambda x, task, target: x[:, :1],
    ),
    "segment": Exit(
        "probabilities",
        "probability of each class, for every pixel of what the network sees",
        lambda x, task, target: x.softmax(1),
        _log,
        lambda x: x.argmax(1),
    ),
    "detect": Exit(
        "candidates",
        "boxes in pixels of what the network sees, and the score of each class, before boxes that overlap are thinned",
        lambda x, task, target: x,
        lambda x, task, target: x,
        None,
        ("left", "upper", "right", "lower"),
    ),
}
"""By task. One that is not here has no graph."""
