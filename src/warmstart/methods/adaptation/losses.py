"""The losses that align a source with a target, on plain tensors: features (n, d), logits (n, classes)."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-7


def entropy(logits: Tensor) -> Tensor:
    """Entropy of each prediction (n,), in nats.

    >>> entropy(torch.zeros(1, 2)).item() == torch.tensor(2.0).log().item()
    True
    """
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def class_confusion(logits: Tensor, temperature: float = 2.5) -> Tensor:
    """Minimum class confusion of predictions for a target (Jin et al. 2020, eq. 2 to 6).

    How often two classes are probable for one sample, samples of low entropy counting more, and each class as much as
    another; the mean over the classes of what a class shares with others.

    >>> sure, torn = torch.tensor([[9.0, 0.0], [0.0, 9.0]]), torch.zeros(2, 2)
    >>> float(class_confusion(sure, 1.0)) < 0.01, float(class_confusion(torn))
    (True, 0.5)
    """
    scaled = logits.float() / temperature
    probabilities = scaled.softmax(1)
    weights = 1 + torch.exp(-entropy(scaled).detach())
    weights = weights / weights.mean()
    confusion = probabilities.T @ (weights[:, None] * probabilities)
    confusion = confusion / (confusion.sum(1, keepdim=True) + _TINY)
    return (confusion.sum() - confusion.trace()) / logits.shape[1]
