"""Single-label classification: a linear head, cross entropy, and the metrics a person asks for.

A label of -1 means "unknown": such samples add nothing to the loss and are left out of every metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.schema import ClassTarget
from warmstart.errors import DataError
from warmstart.model.head import LinearHead

UNKNOWN = -1
"""The index of a label that is not known."""

SHOWN = 5
"""How many classes `decode` names, and how many guesses top-5 accuracy allows."""


class Classify:
    """The classification task; see `warmstart.task.base.Task` for the contract."""

    name = "classify"
    primary_metric = "accuracy"

    def head(self, features: int, target: ClassTarget, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
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
            known = targets != UNKNOWN
            if not bool(known.any()):
                return outputs.sum() * 0.0
            return functional.cross_entropy(
                outputs, targets, class_weights, ignore_index=UNKNOWN, label_smoothing=label_smoothing
            )
        total = functional.cross_entropy(
            outputs, targets, class_weights, label_smoothing=label_smoothing, reduction="sum"
        )
        weight = targets.sum() if class_weights is None else (targets * class_weights).sum()
        return total / weight

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Accuracy, balanced accuracy, macro F1, log loss (nats), and top-5 accuracy where there are more classes.

        Balanced accuracy is the mean recall of the classes that occur; macro F1 the mean over the classes that occur or
        are predicted. Raises `DataError` when no label is known, since a metric of nothing does not exist.

        >>> CLASSIFY.metrics(torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]]), torch.tensor([0, 1, 0]))["accuracy"]
        0.6666666666666666
        """
        known = targets != UNKNOWN
        if not bool(known.any()):
            raise DataError("no sample with a known label to measure on", expected="at least one labelled sample")
        outputs, targets = outputs[known].double(), targets[known]
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

    def decode(self, outputs: Tensor, target: ClassTarget) -> Sequence[dict[str, Any]]:
        """One dict per row of logits: the label, its probability, and the five most probable classes in order.

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
