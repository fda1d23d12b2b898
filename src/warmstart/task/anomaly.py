"""Anomalies: how far each sample lies from normal ones, learned from normal samples alone.

Outputs are those of `warmstart.model.anomaly`: score, p-value and alarm, (n, 3). Targets are 0 for a normal sample, 1
for an anomaly, -1 where it is not known which. What can be measured depends on what there is: without an anomaly only
how many normal samples pass, without a normal sample only how many anomalies are found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warmstart.data.targets import AnomalyTarget, Target, TaskName
from warmstart.model.anomaly import NeighboursHead
from warmstart.task.base import Values, known_rows, linearised

SCORE, P_VALUE, ALARM = range(3)
"""Columns of the outputs."""
_LEAST = 1e-4
"""Of a p-value and of one minus it, where their logarithm is taken."""


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """The anomaly task; see `warmstart.task.base.Task` for the contract.

    `primary_metric` is the area under the ROC curve where what is measured on holds anomalies; else the share of normal
    samples that pass, by which no method should be chosen.
    """

    primary_metric: str = "auroc"

    def of(self, target: Target) -> Anomaly:
        """The task for a target."""
        assert isinstance(target, AnomalyTarget)
        return Anomaly("auroc" if target.measurable else "passed")

    name: ClassVar[TaskName] = "anomaly"
    calibrates = False
    closed_form = True
    surprise = "surprise"
    fields: ClassVar[tuple[str, ...]] = ("anomaly", "score", "p_value")

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A head that remembers nothing yet: it is fitted in closed form, and nothing in it can be trained."""
        return NeighboursHead(features, 1)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Mean surprise of the samples that are known, in nats."""
        known = targets >= 0
        return _surprise(outputs[known], targets[known]).mean() if bool(known.any()) else outputs.sum() * 0.0

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of samples that are known."""
        return float((targets >= 0).sum())

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """There are no classes to balance."""
        return torch.ones(classes)

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Outputs as they are."""
        return outputs

    def known(self, targets: Tensor) -> Tensor:
        """Of which samples it is known whether they are normal (n,)."""
        return targets >= 0

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """What can be measured of these samples: areas under both curves, anomalies found, normal samples that pass.

        The values of the area under the ROC curve are those of DeLong et al. (1988): with them its variance, and that
        of the difference between two models, is theirs.

        >>> found = ANOMALY.values(torch.tensor([[1.0, 0.7, 0], [3.0, 0.1, 1], [2.0, 0.2, 0]]), torch.tensor([0, 0, 1]))
        >>> [(name, round(float(each.mean()), 3)) for name, each in found.items()][:3]
        [('auroc', 0.5), ('average_precision', 0.5), ('recall', 0.0)]
        """
        rows, truth = known_rows(outputs, targets, self.known(targets))
        score, alarm, odd = rows[:, SCORE], rows[:, ALARM] > 0.5, truth == 1
        found: Values = {}
        if bool(odd.any()) and not bool(odd.all()):
            found["auroc"] = _auroc(score, odd)
            found["average_precision"] = _average_precision(score, odd)
        if bool(odd.any()):
            found["recall"] = _share(odd & alarm, odd)
        if not bool(odd.all()):
            found["passed"] = _share(~odd & ~alarm, ~odd)
        return {**found, "surprise": _surprise(rows, truth)}

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`."""
        return {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """The mean; an alarm is one that most give."""
        mean = torch.stack(list(outputs)).mean(0)
        return torch.cat([mean[:, :ALARM], (mean[:, ALARM:] > 0.5).to(mean)], dim=1)

    def checked(self, outputs: Tensor) -> Tensor:
        """1 / (1 + score), which is a half at a typical distance, and what is left of 1, (n, 2)."""
        far = outputs[:, SCORE].double()
        return torch.stack([1 / (1 + far), far / (1 + far)], dim=1)

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """One dict per row: whether there is an alarm, the score (1 is typical of normal samples), and its p-value.

        >>> ANOMALY.decode(torch.tensor([[2.5, 0.25, 0.0]]), AnomalyTarget(("good", "anomaly")))
        [{'anomaly': False, 'score': 2.5, 'p_value': 0.25}]
        """
        rows = outputs.double().tolist()
        return [{"anomaly": row[ALARM] > 0.5, "score": row[SCORE], "p_value": round(row[P_VALUE], 6)} for row in rows]


def _surprise(rows: Tensor, truth: Tensor) -> Tensor:
    """-ln p of a normal sample, -ln(1 - p) of an anomaly, (n,)."""
    p = rows[:, P_VALUE].clamp(_LEAST, 1 - _LEAST)
    return -torch.where(truth == 1, 1 - p, p).log()


def _share(hits: Tensor, of: Tensor) -> Tensor:
    """Values (n,) whose mean is the share of `of` (n,) that are hits."""
    return linearised(torch.stack([hits, of], 1), lambda m: m[0] / m[1])


def _auroc(score: Tensor, odd: Tensor) -> Tensor:
    """Values (n,) whose mean is the share of pairs in which the anomaly has the higher score, ties counting a half.

    A sample's placement is its share of the samples of the other kind that it is on the right side of; the means of
    both kinds are the area.
    """
    low, high = score[~odd].sort().values, score[odd].sort().values
    placed = torch.empty_like(score)
    placed[odd] = _below(score[odd], low)
    placed[~odd] = 1 - _below(score[~odd], high)
    area, n = placed[odd].mean(), len(score)
    share = torch.where(odd, n / odd.sum(), n / (~odd).sum())
    return area + (placed - area) * share


def _below(values: Tensor, among: Tensor) -> Tensor:
    """Share of sorted numbers (m,) that lie below each value (n,), equal ones counting a half."""
    less = torch.searchsorted(among, values.contiguous())
    not_more = torch.searchsorted(among, values.contiguous(), right=True)
    return (less + not_more).double() / (2 * len(among))


def _average_precision(score: Tensor, odd: Tensor) -> Tensor:
    """Values (n,) whose mean is the average precision: each sample's influence on it (infinitesimal jackknife).

    With a weight for each sample, the precision at a score is a ratio of two sums over those that score as high.
    """
    _, kind, counts = torch.unique(-score, return_inverse=True, return_counts=True)
    order, last = torch.argsort(kind, stable=True), (counts.cumsum(0) - 1)[kind]
    weight = torch.full_like(score, 1 / len(score)).requires_grad_(True)
    mass = weight * odd
    above, hits = weight[order].cumsum(0)[last], mass[order].cumsum(0)[last]
    value = (mass * hits / above).sum() / mass.sum()
    (slope,) = torch.autograd.grad(value, weight)
    return (value + slope).detach()


ANOMALY = Anomaly()
"""The task where anomalies are known; it holds no state."""
