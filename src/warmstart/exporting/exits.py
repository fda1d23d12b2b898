"""What comes out of an exported graph, for each task: numbers that a person can use without knowing of logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from warmstart.data.targets import NumberTarget, Target
from warmstart.errors import ExportError
from warmstart.task.base import Task
from warmstart.task.forecast import Forecasting

_LEAST = 1e-12


class Exit:
    """The output of a graph for a task and a target: outputs of the task, calibrated, as they are.

    `name` is that of the output, `holds` says in words what it is, and `columns` name its last dimension (of pixels its
    second).
    """

    name: ClassVar[str]
    holds: ClassVar[str]

    def __init__(self, task: Task, target: Target) -> None:
        self.task, self.target = task, target

    @property
    def columns(self) -> tuple[str, ...]:
        """The classes, for most."""
        return self.target.classes

    def finish(self, outputs: Tensor) -> Tensor:
        """From outputs of the task to those of the graph; this is part of the graph."""
        return outputs

    def begin(self, given: Tensor) -> Tensor:
        """Inverse of `finish`, so that what came out of a graph can be measured by the task."""
        return given

    def compared(self, given: Tensor) -> Tensor:
        """What is compared with the bundle's answers, in a unit in which 1 is much."""
        return given

    def told(self, given: Tensor) -> Tensor | None:
        """The answers that a user would read, as whole numbers; `None` where answers are no choice."""
        return None


class Probabilities(Exit):
    """Of classes that exclude each other."""

    name = "probabilities"
    holds = "calibrated probability of each class"
    dim: ClassVar[int] = -1

    def finish(self, outputs: Tensor) -> Tensor:
        """Their softmax."""
        return outputs.softmax(self.dim)

    def begin(self, given: Tensor) -> Tensor:
        """Logits."""
        return given.double().clamp_min(_LEAST).log()

    def told(self, given: Tensor) -> Tensor | None:
        """The most probable class."""
        return given.nan_to_num().argmax(self.dim)


class OfTokens(Probabilities):
    """Of the tag of each word."""

    holds = "probability of each tag, for every token; the tag of a word is that of its first token"


class OfPixels(Probabilities):
    """Of the class of each pixel."""

    holds = "probability of each class, for every pixel of what the network sees"
    dim = 1


class OfLabels(Exit):
    """Of labels that do not exclude each other."""

    name = "probabilities"
    holds = "probability of each label, which is given above one half"

    def finish(self, outputs: Tensor) -> Tensor:
        """Their sigmoid."""
        return outputs.sigmoid()

    def begin(self, given: Tensor) -> Tensor:
        """Logits."""
        return given.double().logit(eps=_LEAST)

    def told(self, given: Tensor) -> Tensor | None:
        """Which are given."""
        return (given > 0.5).long()


class Numbers(Exit):
    """In the unit of the user."""

    name = "values"
    holds = "each number, in its own unit"

    def __init__(self, task: Task, target: Target) -> None:
        super().__init__(task, target)
        assert isinstance(target, NumberTarget)
        self._centre, self._scale = torch.tensor(target.centre), torch.tensor(target.scale)

    def finish(self, outputs: Tensor) -> Tensor:
        """Times the scale, plus the centre."""
        return outputs * self._scale + self._centre

    def begin(self, given: Tensor) -> Tensor:
        """In standard deviations from the mean."""
        return (given - self._centre) / self._scale

    compared = begin


class Quantiles(Exit):
    """Of the steps ahead."""

    name = "quantiles"
    holds = (
        "quantiles of each step ahead, as distances from the seasonal naive forecast in standard deviations of the "
        "context"
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The levels."""
        assert isinstance(self.task, Forecasting)
        return tuple(f"{level:g}" for level in self.task.levels)

    def finish(self, outputs: Tensor) -> Tensor:
        """In order (n, horizon, levels)."""
        assert isinstance(self.task, Forecasting)
        return self.task.quantiles(outputs)

    def begin(self, given: Tensor) -> Tensor:
        """One row for each forecast."""
        return given.flatten(1)


class Judged(Exit):
    """Of an anomaly."""

    name = "judged"
    holds = "distance from what is normal (1 is typical), its p-value, and 1 for an alarm"

    @property
    def columns(self) -> tuple[str, ...]:
        """As the heads give them."""
        return ("score", "p_value", "alarm")

    def compared(self, given: Tensor) -> Tensor:
        """The score alone: a p-value counts samples, so the last digit of a score may move it by a whole one."""
        return given[:, :1]

    def told(self, given: Tensor) -> Tensor | None:
        """Whether there is an alarm."""
        return given[:, 2].round().long()


class Candidates(Exit):
    """Of boxes."""

    name = "candidates"
    holds = "boxes in pixels of what the network sees, each with the score of every class, before overlaps are thinned"

    @property
    def columns(self) -> tuple[str, ...]:
        """Edges, then classes."""
        return ("left", "upper", "right", "lower", *self.target.classes)


_EXITS: dict[str, Callable[[Task, Target], Exit]] = {
    "classify": Probabilities,
    "multilabel": OfLabels,
    "regress": Numbers,
    "tag": OfTokens,
    "forecast": Quantiles,
    "anomaly": Judged,
    "segment": OfPixels,
    "detect": Candidates,
}
_REFUSED = {
    "generate": (
        "a text is written token by token, each after those before it, and a graph is passed through once",
        "write texts with `warmstart predict`, or export the network with optimum, whose runtimes hold the loop",
    ),
    "several": (
        "the answer to each of its tasks has a form of its own, and a file has one output",
        "answer with `warmstart predict`, or fit each task alone and export those",
    ),
}


def refuse(task: str) -> None:
    """Raise `ExportError` for a task that no graph can hold."""
    if task not in _EXITS:
        why, do = _REFUSED.get(task, ("there is no form for its answers", "use the bundle itself"))
        raise ExportError(f"a bundle of the task {task!r} cannot be exported: {why}", do=do)


def exit_of(task: Task, target: Target) -> Exit:
    """What comes out of a graph for a task. Raises `ExportError` where there is no graph.

    >>> from warmstart.data.targets import LabelsTarget
    >>> from warmstart.task.multilabel import MULTILABEL
    >>> exit_of(MULTILABEL, LabelsTarget(("news", "sport"))).finish(torch.zeros(1, 2)).tolist()
    [[0.5, 0.5]]
    """
    refuse(task.name)
    return _EXITS[task.name](task, target)
