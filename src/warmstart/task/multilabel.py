"""Multi-label classification: any number of labels for each sample, each a yes or no of its own.

Targets are zeros and ones (n, classes), NaN throughout where a sample's labels are not known: such a sample adds
nothing to the loss and is left out of every metric. A label is given where its probability is above one half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.targets import Target, TaskName
from warmstart.model.head import LinearHead
from warmstart.task.base import Values, is_known, known_rows, linearised


class MultiLabel:
    """The multi-label task; see `warmstart.task.base.Task` for the contract."""

    name: TaskName = "multilabel"
    primary_metric = "micro_f1"
    closed_form = True
    calibrates = False
    surprise = "log_loss"
    fields: tuple[str, ...] = ("labels", "probabilities")

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A linear head with one output per label."""
        return LinearHead(features, len(target.classes), dropout, seed)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Binary cross entropy of logits (n, classes), in nats, mean over samples and labels.

        `class_weights` multiply the loss where a label is to be given. Smoothing moves every target towards one half.
        """
        known = is_known(targets)[:, None]  # others become 0: to leave them out a GPU has to be waited for
        soft = torch.where(known, targets * (1 - label_smoothing) + label_smoothing / 2, 0.0)
        each = functional.binary_cross_entropy_with_logits(outputs, soft, pos_weight=class_weights, reduction="none")
        return torch.where(known, each, 0.0).sum() / (known.sum() * outputs.shape[1]).clamp_min(1)

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of samples whose labels are known."""
        return float(is_known(targets).sum())

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """Samples without a label over those with it, (classes,); 1 for a label that no sample has.

        >>> MULTILABEL.balanced(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), 2)
        tensor([2., 1.])
        """
        held = targets[is_known(targets)].sum(0)
        return torch.where(held > 0, (is_known(targets).sum() - held) / held.clamp_min(1.0), torch.ones(classes))

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Logits as they are."""
        return outputs

    def known(self, targets: Tensor) -> Tensor:
        """Of which samples the labels are known (n,)."""
        return is_known(targets)

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """F1 over all answers and the mean of the labels' own, whether all labels are right, and the log loss.

        >>> found = MULTILABEL.values(torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.ones(2, 2))
        >>> [round(found[name].mean().item(), 3) for name in ("micro_f1", "macro_f1", "exact_match")]
        [0.857, 0.833, 0.5]
        """
        outputs, targets = known_rows(outputs, targets, self.known(targets))
        truth, said = targets.double(), (outputs > 0).double()
        counts = torch.stack([truth * said, truth + said], dim=2)  # (m, classes, 2): hits, and both sizes
        matters = counts[..., 1].sum(0) > 0
        loss = functional.binary_cross_entropy_with_logits(outputs, truth, reduction="none").mean(1)
        return {
            "micro_f1": linearised(counts.sum(1), lambda m: 2 * m[0] / m[1].clamp_min(1e-12)),
            "macro_f1": linearised(counts[:, matters].flatten(1), _mean_f1),
            "exact_match": (truth == said).all(1).double(),
            "log_loss": loss,
        }

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`, and the mean average precision of the labels that occur, which needs no threshold."""
        from sklearn.metrics import average_precision_score

        found = {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}
        outputs, targets = known_rows(outputs, targets, self.known(targets))
        occurs = (targets.sum(0) > 0).numpy()
        if occurs.any():
            scores = average_precision_score(targets.numpy()[:, occurs], outputs.numpy()[:, occurs])
            found["mean_average_precision"] = float(scores)
        return found

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Logits of the mean probability of each label.

        >>> MULTILABEL.combine([torch.tensor([[3.0]]), torch.tensor([[-3.0]])]).abs().max().item() < 1e-6
        True
        """
        return torch.stack([each.double().sigmoid() for each in outputs]).mean(0).logit(eps=1e-12).to(outputs[0].dtype)

    def checked(self, outputs: Tensor) -> Tensor:
        """Probabilities."""
        return outputs.double().sigmoid()

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """One dict per row of logits: the labels, the most probable first, and the probability of each that there is.

        >>> from warmstart.data.targets import LabelsTarget
        >>> MULTILABEL.decode(torch.tensor([[0.0, 9.0]]), LabelsTarget(("news", "sport")))[0]["labels"]
        ['sport']
        """
        answers: list[dict[str, Any]] = []
        for row in outputs.double().sigmoid().tolist():
            named = dict(sorted(zip(target.classes, row, strict=True), key=lambda item: -item[1]))
            answers.append({"labels": [name for name, p in named.items() if p > 0.5], "probabilities": named})
        return answers


def _mean_f1(mean: Tensor) -> Tensor:
    """Of means (classes * 2,): hits, and both sizes."""
    pairs = mean.view(-1, 2)
    return (2 * pairs[:, 0] / pairs[:, 1].clamp_min(1e-12)).mean()


MULTILABEL = MultiLabel()
"""The one instance; it holds no state."""
