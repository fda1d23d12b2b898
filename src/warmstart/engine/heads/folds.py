"""Folds in which every sample is left out exactly once, also the only one of its class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray

LinearFit = Callable[[Tensor, IntArray], tuple[Tensor, Tensor]]


def fold_of(labels: IntArray, folds: int, seed: int) -> IntArray:
    """Number of the fold (n,) that leaves each sample out; stratified, and of sizes that differ by at most one.

    There are at most `folds`, and not more than the largest class has samples (but at least two). The samples are
    shuffled within their class and dealt out one after the other.

    >>> fold_of(np.array([0, 0, 0, 0, 1]), 2, seed=0).tolist().count(0) in (2, 3)
    True
    """
    count = max(2, min(folds, int(np.bincount(labels).max())))
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    result = np.empty(len(labels), dtype=np.int64)
    result[dealt] = np.arange(len(labels)) % count
    return result


def stratified_order(labels: IntArray, seed: int) -> IntArray:
    """A permutation (n,) of which every beginning has the classes in their shares, shuffled within a class.

    >>> stratified_order(np.array([0, 0, 1, 1, 1, 1]), seed=0)[:3].tolist().count(0) <= 1
    True
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    within = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return dealt[np.argsort((within + 0.5) / counts[labels[dealt]], kind="stable")]


def out_of_fold(fit: LinearFit, features: Tensor, labels: IntArray, fold: IntArray) -> Tensor:
    """Outputs (n, k) for each sample of a linear fit on the other folds.

    `fit(features, labels)` gives weight (k, d) and bias (k,), with a bias of minus infinity for a class that does not
    occur in what it is given. Such a class gets an output one below the lowest of the others, here as everywhere.
    """
    parts = torch.empty(0)
    for number in np.unique(fold):
        inside, outside = (torch.from_numpy(np.flatnonzero(m)) for m in (fold == number, fold != number))
        weight, bias = fit(features[outside], labels[outside.numpy()])
        if len(parts) == 0:
            parts = torch.empty(len(features), len(bias), dtype=features.dtype)
        parts[inside] = features[inside] @ weight.T + bias
    return floored(parts)


def floored(outputs: Tensor) -> Tensor:
    """Minus infinity, the output of a class that a fit had no sample of, becomes one below the lowest finite value."""
    finite = torch.isfinite(outputs)
    return torch.where(finite, outputs, outputs[finite].min() - 1.0)
