"""Several tasks at once: one trunk, a head for each, and labels of which any may be missing.

Outputs are those of all heads side by side (n, outputs). Targets are float32 (n, k), NaN where a label is not known:
the index of a class, zeros and ones of labels, numbers (`warmstart.data.several`).

The loss is the sum of the tasks' own, each the mean over the samples whose label is known, so that a task counts the
same however few labels it has (unit weights do as well as any other where training is regularised: Kurin et al. 2022,
"In defense of the unitary scalarization for deep multi-task learning").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warmstart.data.several import SeveralTarget, each
from warmstart.data.targets import UNKNOWN, Target, TaskName
from warmstart.errors import DataError
from warmstart.model.several import SeveralHead
from warmstart.task.base import Task, Values, linearised, task_of

MEAN = "mean_of_tasks"
"""The mean of the primary metrics of the tasks, by which models are chosen."""


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the tasks, and where its targets and its outputs stand in those of all."""

    name: str
    task: Task
    target: Target
    columns: slice
    outputs: slice

    def known(self, targets: Tensor) -> Tensor:
        """Which samples have a label of it, (n,)."""
        return ~targets[:, self.columns].isnan().any(1)

    def own(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and targets of the samples whose label is known, as the task has them."""
        known = self.known(targets)
        return outputs[known][:, self.outputs], self.as_task(targets[known])

    def as_task(self, targets: Tensor) -> Tensor:
        """Its targets as the task has them, of all samples."""
        mine = targets[:, self.columns]
        if self.target.kind != "classify":
            return mine
        return mine[:, 0].nan_to_num(float(UNKNOWN)).long()

    def named(self, metric: str) -> str:
        """What a metric of it is called among those of all."""
        return f"{self.name}/{metric}"


@dataclasses.dataclass(frozen=True)
class Several:
    """Several tasks; see `warmstart.task.base.Task` for the contract."""

    parts: tuple[Part, ...] = ()

    name: ClassVar[TaskName] = "several"
    primary_metric = MEAN
    closed_form = True
    calibrates = False
    surprise = "loss"
    fields: ClassVar[tuple[str, ...]] = ("answers",)

    def of(self, target: Target) -> Several:
        """The tasks of a target."""
        assert isinstance(target, SeveralTarget)
        return Several(tuple(Part(name, task_of(part), part, *where) for name, part, *where in each(target)))

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """The heads of the tasks, each drawn from a seed of its own."""
        parts = enumerate(self.of(target).parts)
        return SeveralHead([p.task.head(features, p.target, dropout=dropout, seed=seed + i) for i, p in parts])

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """The sum of the losses of the tasks."""
        return self.losses(outputs, targets, label_smoothing=label_smoothing, class_weights=class_weights).sum()

    def losses(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """The loss of each task (tasks,), mean over its known samples; 0 of one without, which moves nothing.

        `class_weights` (outputs,) are those of all tasks side by side.

        >>> from warmstart.data.targets import ClassTarget, NumberTarget
        >>> target = SeveralTarget((("a", ClassTarget(("x", "y"))), ("b", NumberTarget(("b",), (0.0,), (1.0,)))))
        >>> truth = torch.tensor([[0.0, 1.0], [torch.nan, 3.0]])
        >>> SEVERAL.of(target).losses(torch.zeros(2, 3), truth)
        tensor([0.6931, 5.0000])
        """
        found = []
        for part in self.parts:
            own, truth = part.own(outputs, targets)
            weights = None if class_weights is None else class_weights[part.outputs]
            how: dict[str, Any] = {"label_smoothing": label_smoothing, "class_weights": weights}
            found.append(part.task.loss(own, truth, **how) if len(truth) else outputs.sum() * 0.0)
        return torch.stack(found)

    def weights(self, targets: Tensor, class_weights: Tensor | None = None) -> Tensor:
        """What the loss of each task is divided by (tasks,): with it, parts of a batch add up to the whole exactly."""
        return torch.tensor(
            [
                part.task.weight(
                    part.as_task(targets[part.known(targets)]),
                    None if class_weights is None else class_weights[part.outputs],
                )
                for part in self.parts
            ]
        )

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of samples with any label. Where tasks lack labels of different samples, parts of a batch add up
        task by task (`weights`), which is what trains them (`warmstart.methods.multitask`).
        """
        return float(_any_known(targets).sum())

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """The class weights of all tasks side by side."""
        found = torch.ones(classes)
        for part in self.parts:
            own = part.as_task(targets[part.known(targets)])
            found[part.outputs] = part.task.balanced(own, len(part.target.classes))
        return found

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Outputs as they are."""
        return outputs

    def known(self, targets: Tensor) -> Tensor:
        """Which samples have a label of any task, (n,)."""
        return _any_known(targets)

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """Those of each task, called TASK/METRIC; their mean over the tasks; and the loss of all tasks of a sample.

        A metric of a task is a ratio, of sums over its known samples, and is made linear as such, so that a sample
        whose label is not known has the mean. A task without a known sample is left out.
        """
        some = _any_known(targets)
        if not bool(some.any()):
            raise DataError("no sample with a known label to measure on", expected="at least one labelled sample")
        outputs, targets = outputs[some], targets[some]
        found: Values = {MEAN: torch.zeros(0)}
        primary = []
        for part, known in self._measured(targets):
            for name, own in part.task.values(*part.own(outputs, targets)).items():
                found[part.named(name)] = _spread(own, known)
            primary.append(found[part.named(part.task.primary_metric)])
        found[MEAN] = torch.stack(primary).mean(0)
        return found | {self.surprise: self._by_sample(outputs, targets)}

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`, and all else that the tasks measure."""
        values = self.values(outputs, targets)
        found = {name: float(values[name].mean()) for name in (MEAN, self.surprise)}
        for part, _ in self._measured(targets):
            own = part.task.metrics(*part.own(outputs, targets))
            found |= {part.named(name): value for name, value in own.items()}
        return found

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """As each task combines its own."""
        return torch.cat([part.task.combine([o[:, part.outputs] for o in outputs]) for part in self.parts], 1)

    def checked(self, outputs: Tensor) -> Tensor:
        """As each task has it: probabilities, numbers."""
        return torch.cat([part.task.checked(outputs[:, part.outputs]) for part in self.parts], 1)

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """One dict per row with the `answers` by task, each as its task has it."""
        tasks = self.of(target).parts
        rows = zip(*(part.task.decode(outputs[:, part.outputs], part.target) for part in tasks), strict=True)
        return [{"answers": {part.name: one for part, one in zip(tasks, row, strict=True)}} for row in rows]

    def _measured(self, targets: Tensor) -> Iterator[tuple[Part, Tensor]]:
        """The tasks with a known sample, and which are known."""
        for part in self.parts:
            known = part.known(targets)
            if bool(known.any()):
                yield part, known

    def _by_sample(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The losses of the tasks that are known of each sample, added up (n,); of numbers in standard deviations."""
        total = torch.zeros(len(targets), dtype=torch.float64)
        for part, known in self._measured(targets):
            own, truth = part.own(outputs, targets)
            if part.target.kind == "regress":
                total[known] += (own.double() - truth).square().mean(1)
            else:
                total[known] += part.task.values(own, truth)[part.task.surprise]
        return total


def _any_known(targets: Tensor) -> Tensor:
    return ~targets.isnan().all(1)


def _spread(own: Tensor, known: Tensor) -> Tensor:
    """Values (m,) of the known of n samples as values (n,) of all, with the same mean and the spread of a ratio."""
    if len(own) == len(known):
        return own.double()
    statistics = torch.zeros(len(known), 2, dtype=torch.float64)
    statistics[known, 0] = own.double()
    statistics[:, 1] = known.double()
    return linearised(statistics, lambda mean: mean[0] / mean[1])


SEVERAL = Several()
"""Without tasks, as it is registered; `of` has those of a target."""
