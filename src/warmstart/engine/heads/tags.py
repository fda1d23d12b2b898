"""A linear head for the tags of words: the heads of classes, fitted on the words of all texts.

Most words are of no entity, and say the same again and again. Of the commonest tags no more are taken than there is
room for; what that does to their shares is put right in the intercept (King & Zeng 2001, prior correction).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.data.targets import UNKNOWN
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.select import best_closed_form

MOST = 20_000
"""Words that a head is fitted on, at most."""
DEFAULT = "blend"


def fit_tags(
    features: Tensor, targets: Tensor, classes: int, names: Sequence[str] = (DEFAULT,), seed: int = 0
) -> FittedHead:
    """Fit on features of tokens (n, length, d) and tags (n, length'), -1 where there is none to learn.

    See `best_closed_form` for the other arguments and errors. Neighbours (`knn`) take no part: every word would be
    compared with every other. Of the result, the head maps (m, length, d) to logits (m, length, classes);
    `cv_outputs` (n, length, classes) of words that it was not fitted on are its own. Words of one text may be in
    different folds.

    >>> x = torch.tensor([[[0.0], [3.0]], [[0.1], [3.2]], [[0.2], [2.9]]])
    >>> fit_tags(x, torch.tensor([[0, 1], [0, 1], [0, -1]]), 2).logits(x).argmax(-1).tolist()
    [[0, 1], [0, 1], [0, 1]]
    """
    length = min(features.shape[1], targets.shape[1])
    at = torch.nonzero(targets[:, :length] != UNKNOWN)
    labels = targets[at[:, 0], at[:, 1]]
    kept = torch.from_numpy(_kept(labels.numpy(), classes, seed))
    at, used = at[kept], labels[kept]
    linear = tuple(name for name in names if name != "knn") or (DEFAULT,)
    fitted = best_closed_form(features[at[:, 0], at[:, 1]], used, classes, linear, seed)
    counts, sizes = (torch.bincount(x, minlength=classes).double() for x in (labels, used))
    shift = torch.where(sizes > 0, counts / sizes.clamp_min(1), 1.0).log().float()
    found = fitted.linear()
    assert found is not None, "all heads but knn are linear"
    weight, bias, mean, std = found
    fitted.head.set_linear(weight, bias + shift, mean, std)  # type: ignore[operator]
    outputs = fitted.logits(features)
    outputs[at[:, 0], at[:, 1]] = fitted.cv_outputs + shift
    return FittedHead(fitted.name, fitted.head, outputs, {**fitted.choice, "words": len(used)})


def _kept(labels: IntArray, classes: int, seed: int) -> IntArray:
    """Positions of at most `MOST` words: all of the rarer tags, as many of each of the others."""
    counts = np.bincount(labels, minlength=classes)
    low, high = 1, max(int(counts.max(initial=1)), 1)
    while low < high:  # the most of each tag that leaves room
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(counts, middle).sum() <= MOST else (low, middle - 1)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    parts = [shuffled[labels[shuffled] == tag][:low] for tag in range(classes)]
    return np.sort(np.concatenate(parts))
