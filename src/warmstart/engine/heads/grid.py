"""A grid of heads over blocks, penalties, rates, decays and seeds, and the mean of the best few.

Candidates are the default head (`blend`, with its path of penalties) on each group of columns alone, on the last k
groups together and on all, and linear heads trained by AdamW on all columns, one for every rate and weight decay.

The best few are averaged, since choosing one hardly pays: of many candidates cross-validation finds the luckiest.
Frozen EfficientNet-Lite0 with three taps, accuracy on 2000 held-out images minus that of `blend` on all columns, in
points, means of six draws (three at 1000 labels); the last column is the most that choosing could have brought:

    labels                 best columns   if by one standard error   mean of best 3: this head   best on the test set
    Fashion-MNIST   100       -0.77               -0.23                       -0.19                      +0.50
                    300       -0.67               -0.03                       +0.39                      +0.51
                   1000        0.00                0.00                       +0.02                      +0.13
    CIFAR-10        100       +0.56               +0.10                       +1.01                      +1.23
                    300       -0.02               -0.04                       +0.12                      +0.42
                   1000       -0.33               -0.13                       +0.02                      +0.18
    MNIST           100       +1.73               +0.42                       +1.37                      +2.37
                    300        0.00                0.00                       +0.35                      +0.16
                   1000       +0.08                0.00                       +0.16                      +0.10
    mean                      +0.06               +0.01                       +0.36                      +0.62

Without the heads trained by AdamW the gain is +0.34 (only on CIFAR-10 with 100 labels they brought more than noise,
0.3), and they take most of the time: the grid takes 20 times as long as `blend` at 100 labels, 7 times at 1000. So it
is for those who have the time and no more labels, and not the default.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads import adamw, blend
from warmstart.engine.heads.base import FittedHead, Problem
from warmstart.engine.heads.folds import floored, fold_of
from warmstart.engine.heads.score import accuracy, log_loss, sharpness
from warmstart.engine.heads.threads import threads_for

RATES = (3e-4, 1e-3, 3e-3)
DECAYS = (1e-2, 10.0)
SEEDS = 2
"""Heads that differ by nothing else, of which the mean is one candidate."""
KEPT = 3


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A linear head on standardised features, its out-of-fold logits, and what it is in words."""

    weight: Tensor  # (k, d), float64
    bias: Tensor  # (k,)
    cv: Tensor  # (n, k), at the temperature of least log-loss
    row: dict[str, Any]

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, cv: Tensor, labels: IntArray, **facts: Any) -> Candidate:
        """Bring logits to their best temperature and score them."""
        factor = sharpness(cv, labels)
        cv = cv.double() * factor
        scores = {"accuracy": accuracy(cv, labels), "log_loss": log_loss(cv, labels)}
        return cls(weight.double() * factor, bias.double() * factor, cv, {**facts, **scores})


def fit(problem: Problem, *, folds: int = 5, seed: int = 0) -> FittedHead:
    """The mean of the `KEPT` candidates of least out-of-fold log-loss; `choice["candidates"]` is the table of all.

    See `HeadFit` for the arguments. Of those trained by AdamW only the best takes part, so that neighbours on the grid
    do not crowd out the rest.

    >>> x = torch.tensor([[0.0, 0.2], [0.1, 0.0], [0.3, 0.1], [3.0, 0.1], [3.2, 0.0], [3.1, 0.3]])
    >>> fit(Problem.of(x, torch.tensor([0, 0, 0, 1, 1, 1]), 2)).logits(x).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    _, mean, std = problem.standard
    trained = sorted(by_steps(problem, folds, seed), key=_loss)
    ranked = sorted([*by_columns(problem, folds, seed), trained[0]], key=_loss)
    kept, others = ranked[:KEPT], [*ranked[KEPT:], *trained[1:]]
    cv = torch.stack([c.cv for c in kept]).mean(0)
    factor = sharpness(cv, problem.labels)
    cv = cv * factor
    weight = torch.stack([c.weight for c in kept]).mean(0) * factor
    bias = torch.stack([c.bias for c in kept]).mean(0) * factor
    rows = [c.row | {"chosen": True} for c in kept] + [c.row | {"chosen": False} for c in sorted(others, key=_loss)]
    choice = {"temperature": 1 / factor, "accuracy": accuracy(cv, problem.labels), "candidates": rows}
    return FittedHead("grid", problem.place(weight, bias, mean, std, cv), problem.spread(cv), choice)


def _loss(candidate: Candidate) -> float:
    return float(candidate.row["log_loss"])


def column_sets(problem: Problem) -> dict[str, IntArray]:
    """Columns by name: all of them, each group alone, and the last two, three, ... groups.

    >>> from warmstart.model.backbone import FeatureGroup
    >>> groups = [FeatureGroup("a", 0, 1), FeatureGroup("b", 1, 2), FeatureGroup("c", 2, 4)]
    >>> sets = column_sets(Problem.of(torch.zeros(2, 4), torch.tensor([0, 1]), 2, groups))
    >>> {name: columns.tolist() for name, columns in sets.items()}
    {'all': [0, 1, 2, 3], 'a': [0], 'b': [1], 'c': [2, 3], 'b + c': [1, 2, 3]}
    """
    everything = np.arange(problem.features.shape[1])
    sets = {"all": everything}
    if len(problem.groups) > 1:
        columns = {group.name: everything[group.start : group.stop] for group in problem.groups}
        sets |= columns
        for first in range(len(columns) - 2, 0, -1):
            last = list(columns)[first:]
            sets[" + ".join(last)] = np.concatenate([columns[name] for name in last])
    return sets


def by_columns(problem: Problem, folds: int, seed: int) -> list[Candidate]:
    """The default head on each set of columns; its weights elsewhere are zero."""
    _, mean, std = problem.standard
    present = torch.from_numpy(problem.present)
    found = []
    for name, columns in column_sets(problem).items():
        at = torch.from_numpy(columns)
        fitted = blend.fit(dataclasses.replace(problem, features=problem.features[:, at]), folds=folds, seed=seed)
        part, bias = blend.on_scale(fitted.head, present, mean[at], std[at])
        weight = part.new_zeros(len(present), len(mean)).index_copy_(1, at, part)
        cv = fitted.cv_outputs[:, present]
        found.append(Candidate.of(weight, bias, cv, problem.labels, columns=name, head="blend"))
    return found


def by_steps(problem: Problem, folds: int, seed: int) -> list[Candidate]:
    """Heads trained by AdamW: all settings, seeds and folds, and the fits on all samples, in one batched pass."""
    x, index, k = problem.standard[0].float(), torch.from_numpy(problem.labels), len(problem.present)
    fold = torch.from_numpy(fold_of(problem.labels, folds, seed))
    parts = int(fold.max()) + 2  # the last one is fitted on all samples
    settings = [(rate, decay) for rate in RATES for decay in DECAYS]
    rates, decays = torch.tensor(settings).repeat_interleave(parts, 0).unbind(1)
    used = (fold[:, None] != torch.arange(parts)).repeat(1, len(settings))
    with threads_for(2.0 * min(len(x), adamw.BATCH) * x.shape[1] * k * len(rates)):
        heads = adamw.train(x, index, k, rates, decays, seeds=range(seed, seed + SEEDS), used=used)
    weights = heads.weights.mean(0).view(len(settings), parts, k, -1)
    biases = heads.biases.mean(0).view(len(settings), parts, k)
    members = torch.zeros(k, parts).index_add_(0, index, used[:, :parts].float())
    biases = torch.where(members.T > 0, biases, -torch.inf)
    found = []
    for (rate, decay), weight, bias in zip(settings, weights, biases, strict=True):
        outputs = torch.einsum("nd,fkd->nfk", x, weight)[torch.arange(len(x)), fold] + bias[fold]
        facts = {"columns": "all", "head": "adamw", "rate": rate, "decay": decay}
        found.append(Candidate.of(weight[-1], bias[-1], floored(outputs), problem.labels, **facts))
    return found
