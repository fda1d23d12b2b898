"""Real data for the heads: scikit-learn's handwritten digits, 64 raw pixels."""

from __future__ import annotations

import functools

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from warmstart.data.schema import IntArray

Digits = tuple[Tensor, IntArray, Tensor, IntArray]


@functools.cache
def digits() -> Digits:
    """(features, labels) of 600 to fit on, and of 1197 to test on."""
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    features, labels = torch.from_numpy(bunch.data[order]).float(), bunch.target[order].astype(np.int64)
    return features[:600], labels[:600], features[600:], labels[600:]


def wide(n: int = 40, d: int = 150, classes: int = 4, seed: int = 0) -> tuple[Tensor, IntArray]:
    """Fewer samples than features, as a backbone gives them: some directions matter, scales differ, all is positive."""
    generator = torch.Generator().manual_seed(seed)
    labels = np.arange(n) % classes
    centres = torch.randn(classes, d, generator=generator)
    noise = 2 * torch.randn(n, d, generator=generator)
    scales = torch.rand(d, generator=generator) * 5 + 0.1
    return ((centres[torch.from_numpy(labels)] + noise).exp().sqrt() * scales).double(), labels


def share(outputs: Tensor, labels: IntArray) -> float:
    """Accuracy."""
    return float((outputs.argmax(1).numpy() == labels).mean())
