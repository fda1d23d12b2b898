"""How hyper-parameters and heads are compared: accuracy first, and log-loss at the best temperature among equals."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.evaluation.calibration import fit_temperature


def accuracy(outputs: Tensor, labels: IntArray) -> float:
    """Share of the rows of `outputs` (n, k) whose largest value is at the label."""
    return float((outputs.argmax(1) == torch.from_numpy(labels)).double().mean())


def log_loss(logits: Tensor, labels: IntArray) -> float:
    """Mean negative log likelihood of `labels` (n,) under `softmax(logits)` (n, k)."""
    return float(torch.nn.functional.cross_entropy(logits.double(), torch.from_numpy(labels)))


def sharpness(outputs: Tensor, labels: IntArray) -> float:
    """The factor by which `outputs` become the logits of least log-loss.

    A discriminant's outputs have a scale of their own, so they are brought to unit spread first: the bounds of the
    temperature are meant for logits.
    """
    spread = float((outputs - outputs.mean(1, keepdim=True)).std(correction=0))
    if not spread > 0:
        return 1.0
    return 1.0 / (spread * fit_temperature(outputs / spread, labels))


def best(candidates: Sequence[Tensor], labels: IntArray) -> tuple[int, float, list[float]]:
    """(index of the best, its sharpness, accuracy of each) among outputs (n, k) that are comparable.

    Equal accuracy is decided by log-loss, each at its own sharpness, and then by order: strongest regularisation first.
    """
    scores = [accuracy(outputs, labels) for outputs in candidates]
    top = [i for i, score in enumerate(scores) if score == max(scores)]
    factors = {i: sharpness(candidates[i], labels) for i in top}
    chosen = min(top, key=lambda i: log_loss(candidates[i] * factors[i], labels))
    return chosen, factors[chosen], scores
