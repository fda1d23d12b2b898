"""Contrastive training: a network read at its features, and the loss that draws those of a class together."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.pairs import paired_order
from warmstart.engine.score import Validation
from warmstart.engine.stepper import Loss
from warmstart.engine.together import TogetherStepper
from warmstart.model.network import Network
from warmstart.task.base import Task


class UnitFeatures(Network):
    """A network read at its features, which are scaled to length one. The head is there and is not asked.

    It shares all modules, and the names of all parameters, with the network that it was made of.
    """

    @classmethod
    def of(cls, network: Network) -> UnitFeatures:
        """The same network, read so."""
        return cls(network.facts, network.head)

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Features (n, d) of length one."""
        return functional.normalize(self.backbone(x).float(), dim=1)

    def forward_from(self, cut: int, activation: Tensor, targets: Tensor | None = None) -> Tensor:
        """The same from the activation at `cut`."""
        return functional.normalize(self.facts.chain.suffix(cut)(activation).float(), dim=1)

    def clone(self) -> UnitFeatures:
        """A copy with weights of its own."""
        return UnitFeatures.of(super().clone())


@dataclasses.dataclass(frozen=True)
class SupCon:
    """The supervised contrastive loss (Khosla et al. 2020, eq. 2), as a mean over the samples that are not alone.

    For each sample: minus the mean, over the others of its class, of the log-probability of that other among all others
    in the batch, by the softmax of similarity / temperature.

    >>> apart = torch.eye(2)[[0, 0, 1, 1]]
    >>> round(float(SupCon(0.5).loss(apart, torch.tensor([0, 0, 1, 1]))), 3)  # log(1 + 2 / e^2)
    0.24
    """

    temperature: float

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of features (n, d) of length one, of classes (n,); 0 if every sample is the only one of its class.

        A class that is not known (-1) is nobody else's.
        """
        itself = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
        same = (targets[:, None] == targets) & (targets >= 0) & ~itself
        similarity = (outputs @ outputs.T / self.temperature).masked_fill(itself, -torch.inf)
        log_p = similarity - similarity.logsumexp(1, keepdim=True)
        others = same.sum(1)
        each = -log_p.masked_fill(~same, 0.0).sum(1) / others.clamp_min(1)
        return each.sum() / (others > 0).sum().clamp_min(1)

    def weight(self, targets: Tensor) -> float:
        """How many samples of a batch are not alone."""
        known = targets[targets >= 0]
        counts = torch.bincount(known)
        return float(counts[counts > 1].sum())


class ContrastiveStepper(TogetherStepper):
    """Steps on batches whose loss is one of all their samples together."""

    def validated(self, task: Task, targets: Tensor) -> Validation:
        """The loss in batches like those of training, on which it depends; the task is not asked."""
        outputs = self.feed.validate()
        batches = max(1, round(len(targets) / self.training.plan.batch_size))
        loss = total = 0.0
        for batch in paired_order(targets.numpy(), batches, seed=0, epoch=0):
            weight = self.objective.weight(targets[batch])
            loss += float(self.objective.loss(outputs[batch], targets[batch])) * weight
            total += weight
        return Validation.of_loss(outputs, loss / max(total, 1.0))

    def _accumulate(self, inputs: Tensor, targets: Tensor) -> Loss:
        """Leave the gradient of the whole batch's loss, whether or not it goes through the network at once."""
        return self._propagated([(self.feed, inputs)], lambda features: self.objective.loss(features, targets))
