"""The contract of a task: head, loss, metrics, decode. Adding a task is one file beside this one.

Shapes: `outputs` are what the network gives for n samples, (n, ...); `targets` are what `Target.encode` makes of their
labels, or what the store of tokens makes of those where they depend on the tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from warmstart.data.targets import Target, TaskName
from warmstart.errors import DataError
from warmstart.model.backbone import Backbone
from warmstart.registry import Registry

Values = dict[str, Tensor]
"""Per-sample values (m,), float64, of the m samples whose label is known, by the name of the metric."""


class Task(Protocol):
    """What the engine needs to know of a task, and nothing more."""

    name: TaskName
    primary_metric: str
    """Key of `metrics` that model selection maximises (larger is better); a share, which people read in per cent."""
    closed_form: bool
    """Whether a head can be fitted on frozen features without gradients."""
    calibrates: bool
    """Whether outputs are logits of classes that exclude each other, so that one temperature makes them calibrated."""
    surprise: str
    """Key of `values` by which the worst answers are told from the others (larger is worse)."""
    fields: tuple[str, ...]
    """Keys of what `decode` gives for a sample, the answer itself first."""

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A new head on `features` inputs; initialised from `seed` alone."""
        ...

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Mean loss of a batch over what `weight` counts. After mixing, targets of classes are probabilities."""
        ...

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """What the mean loss of these targets is divided by: with it, parts of a batch add up to the whole exactly."""
        ...

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """Class weights under which every class counts the same in the loss of all training `targets`."""
        ...

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is kept of outputs for measuring, (n, ...); most tasks keep them as they are."""
        ...

    def known(self, targets: Tensor) -> Tensor:
        """Which samples have a label that is known (n,): those that `values` has a row of."""
        ...

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """Per-sample values whose means are the metrics, so that they can be resampled and paired.

        A metric that is no mean but a function of means (an F1) is made linear around its value: sample i has
        `f(m) + grad f(m) . (s_i - m)` with its statistics s_i and their mean m (the infinitesimal jackknife, Efron
        1982); the mean is then the metric exactly, and the spread that of the delta method.

        Raises `DataError` when no label is known, since a metric of nothing does not exist.
        """
        ...

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Metrics of all outputs: the means of `values`, and those that no per-sample values make up."""
        ...

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Outputs of several networks for the same samples as those of one: the mean of what they say."""
        ...

    def checked(self, outputs: Tensor) -> Tensor:
        """A few numbers for each sample (n, k) by which a bundle is compared with itself on another machine."""
        ...

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """What a user reads: one plain dict per sample, with names rather than indices."""
        ...


@runtime_checkable
class OfTarget(Protocol):
    """A task that depends on what its classes are called."""

    def of(self, target: Target) -> Task:
        """The task for this target."""
        ...


@runtime_checkable
class Suits(Protocol):
    """A task that needs other features than a backbone gives as its weights were trained."""

    def suited(self, backbone: Backbone) -> Backbone:
        """The backbone, with such features; it shares the weights."""
        ...


@runtime_checkable
class OnBackbone(Protocol):
    """A task whose head depends on more of a backbone than how many features it gives."""

    def head_on(self, backbone: Backbone, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A head for the features of a `suited` backbone; what is new in it is drawn from `seed`."""
        ...


tasks: Registry[Task] = Registry("task")
tasks.add("classify", "warmstart.task.classify:CLASSIFY")
tasks.add("multilabel", "warmstart.task.multilabel:MULTILABEL")
tasks.add("regress", "warmstart.task.regress:REGRESS")
tasks.add("tag", "warmstart.task.tag:TAG")
tasks.add("generate", "warmstart.task.generate:GENERATE")
tasks.add("forecast", "warmstart.task.forecast:FORECAST")
tasks.add("anomaly", "warmstart.task.anomaly:ANOMALY")
tasks.add("detect", "warmstart.task.detect:DETECT")
tasks.add("segment", "warmstart.task.segment:SEGMENT")
tasks.add("several", "warmstart.task.several:SEVERAL")


def task_of(target: Target) -> Task:
    """The task that a target poses.

    >>> from warmstart.data.targets import TagTarget
    >>> task_of(TagTarget(("NOUN", "VERB"))).primary_metric, task_of(TagTarget(("O", "B-PER"))).primary_metric
    ('token_accuracy', 'entity_f1')
    """
    task = tasks[target.kind]
    return task.of(target) if isinstance(task, OfTarget) else task


def suited(backbone: Backbone, target: Target) -> Backbone:
    """The backbone in the form in which it can answer what a target asks, over the same weights.

    Raises `BackboneError` where it cannot.
    """
    task = task_of(target)
    return task.suited(backbone) if isinstance(task, Suits) else backbone


def linearised(statistics: Tensor, value: Callable[[Tensor], Tensor]) -> Tensor:
    """Per-sample values (m,) whose mean is `value(statistics.mean(0))`, of statistics (m, k); see `Task.values`.

    >>> hits = torch.tensor([[1.0, 2.0], [0.0, 2.0]])  # right answers and all answers of two samples
    >>> linearised(hits, lambda m: m[0] / m[1]).tolist()
    [0.5, 0.0]
    """
    rows = statistics.double()
    mean = rows.mean(0).requires_grad_(True)
    with torch.enable_grad():  # metrics are measured where outputs are, which is without gradients
        found = value(mean)
        (slope,) = torch.autograd.grad(found, mean)
    return (found + (rows - mean) @ slope).detach()


def is_known(targets: Tensor) -> Tensor:
    """Which samples have targets (n, k) without NaN, (n,)."""
    return ~targets.isnan().any(1)


def known_rows(outputs: Tensor, targets: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs in float64 and targets of the samples that are known (n,). Raises `DataError` if none is."""
    if not bool(known.any()):
        raise DataError("no sample with a known label to measure on", expected="at least one labelled sample")
    return outputs[known].double(), targets[known]
