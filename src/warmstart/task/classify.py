"""Single-label classification: a linear head, cross entropy, and the metrics a person asks for.

A label of -1 means "unknown": such samples add nothing to the loss and are left out of every metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.targets import UNKNOWN, Target, TaskName
from warmstart.model.head import LinearHead
from warmstart.task.base import Values, known_rows

SHOWN = 5
"""How many classes `decode` names, and how many guesses top-5 accuracy allows."""


class Classify:
    """The classification task; see `warmstart.task.base.Task` for the contract."""

    name: TaskName = "classify"
    primary_metric = "accuracy"
    closed_form = calibrates = True
    surprise = "log_loss"
    fields: tuple[str, ...] = ("label", "probability", "probabilities")

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A linear head with one output per class."""
        return LinearHead(features, len(target.classes), dropout, seed)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Weighted mean cross entropy of logits (n, classes), in nats.

        `targets` are indices (n,) or probabilities (n, classes). In both forms the sum is divided by the weight of the
        targets, so one-hot probabilities give exactly the loss of their indices. A batch without known labels gives 0.
        """
        if targets.ndim == 1:
            known = (targets != UNKNOWN).any()  # not looked at: a GPU would have to be waited for
            loss = functional.cross_entropy(
                outputs,
                torch.where(known, targets, 0),
                class_weights,
                ignore_index=UNKNOWN,
                label_smoothing=label_smoothing,
            )
            return torch.where(known, loss, outputs.sum() * 0.0)
        total = functional.cross_entropy(
            outputs, targets, class_weights, label_smoothing=label_smoothing, reduction="sum"
        )
        weight = targets.sum() if class_weights is None else (targets * class_weights).sum()
        return total / weight

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of targets, or the sum of the weights of their classes."""
        if class_weights is None:
            return float(len(targets))
        if targets.ndim == 1:
            return float(class_weights[targets].sum())
        return float((targets * class_weights).sum())

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """Weight `n / (present classes * count)` per class (scikit-learn's "balanced"), shape (classes,).

        A class without a sample in training gets 1: it occurs in no sum.

        >>> CLASSIFY.balanced(torch.tensor([0, 0, 0, 1]), 3)
        tensor([0.6667, 2.0000, 1.0000])
        """
        counts = torch.bincount(targets[targets >= 0], minlength=classes).to(torch.float32)
        present = int((counts > 0).sum())
        weights = counts.sum() / (present * counts.clamp(min=1.0))
        return torch.where(counts > 0, weights, torch.ones(()))

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Logits as they are."""
        return outputs

    def known(self, targets: Tensor) -> Tensor:
        """Which samples have a label (n,)."""
        return targets != UNKNOWN

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """Right (1) or wrong (0), and the log loss in nats."""
        outputs, targets = known_rows(outputs, targets, self.known(targets))
        right = (outputs.argmax(1) == targets).double()
        return {"accuracy": right, "log_loss": functional.cross_entropy(outputs, targets, reduction="none")}

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Accuracy, balanced accuracy, macro F1, log loss (nats), and top-5 accuracy where there are more classes.

        Balanced accuracy is the mean recall of the classes that occur; macro F1 the mean over the classes that occur or
        are predicted. Raises `DataError` when no label is known.

        >>> CLASSIFY.metrics(torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]]), torch.tensor([0, 1, 0]))["accuracy"]
        0.6666666666666666
        """
        outputs, targets = known_rows(outputs, targets, self.known(targets))
        predicted, classes = outputs.argmax(1), outputs.shape[1]
        hits = torch.bincount(targets[predicted == targets], minlength=classes).double()
        true, said = (torch.bincount(x, minlength=classes).double() for x in (targets, predicted))
        occurs, matters = true > 0, (true + said) > 0
        values = {
            "accuracy": hits.sum() / len(targets),
            "balanced_accuracy": (hits[occurs] / true[occurs]).mean(),
            "macro_f1": (2 * hits[matters] / (true + said)[matters]).mean(),
            "log_loss": functional.cross_entropy(outputs, targets),
        }
        if classes > SHOWN:
            values["top5_accuracy"] = (outputs.topk(SHOWN, 1).indices == targets[:, None]).any(1).double().mean()
        return {name: float(value) for name, value in values.items()}

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Logits (n, classes) of the mean of the softmax probabilities.

        They are the log of the mean probability, so their softmax is that mean, and they go wherever logits go.

        >>> CLASSIFY.combine([torch.tensor([[0.0, 0.0]]), torch.tensor([[9.0, 9.0]])]).exp().tolist()
        [[0.5, 0.5]]
        """
        logs = torch.stack([each.double().log_softmax(1) for each in outputs])
        return (logs.logsumexp(0) - math.log(len(outputs))).to(outputs[0].dtype)

    def checked(self, outputs: Tensor) -> Tensor:
        """Probabilities."""
        return outputs.double().softmax(-1)

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """One dict per row of logits: the label, its probability, and the five most probable classes in order.

        >>> from warmstart.data.targets import ClassTarget
        >>> CLASSIFY.decode(torch.tensor([[0.0, 0.0, 100.0]]), ClassTarget(("ant", "bee", "cat")))[0]["label"]
        'cat'
        """
        probabilities = outputs.double().softmax(1)
        top = probabilities.topk(min(SHOWN, len(target.classes)), dim=1)
        answers: list[dict[str, Any]] = []
        for values, indices in zip(top.values.tolist(), top.indices.tolist(), strict=True):
            named = {target.classes[i]: value for i, value in zip(indices, values, strict=True)}
            answers.append({"label": next(iter(named)), "probability": values[0], "probabilities": named})
        return answers


CLASSIFY = Classify()
"""The one instance; it holds no state."""
