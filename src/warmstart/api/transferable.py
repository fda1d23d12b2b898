"""Measures of transferability of the candidates, and how far they agree with the probes: shown, never decided by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from warmstart.data.schema import IntArray
from warmstart.engine.heads.folds import stratified_order
from warmstart.errors import DataError
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.recommendation import Ranked
from warmstart.select.transferability import metrics, rank_agreement, transferability
from warmstart.select.view import View

MOST = 1000
"""Training images that they are taken from; with more, the mixture model of NLEEP takes longer than the probes."""


def with_transferability(
    ranked: Sequence[Ranked], views: Mapping[str, View], heads: Mapping[str, nn.Linear | None], seed: int
) -> tuple[tuple[Ranked, ...], dict[str, float]]:
    """The candidates with every measure that can be had, on images of the first round, whose features are stored; and
    Spearman's rank correlation of each measure with the better probe of that round, for three candidates or more.
    `heads` are the classifiers that the weights came with.
    """
    rows = []
    for row in ranked:
        found = _measures(views[row.backbone], heads.get(row.backbone), row.rounds[0].samples, seed)
        rows.append(dataclasses.replace(row, transferability=found))
    probe = [row.rounds[0].best.value for row in rows]
    scores = {
        name: [row.transferability[name].value if name in row.transferability else None for row in rows]
        for name in metrics
        if any(name in row.transferability for row in rows)
    }
    agreed = rank_agreement(scores, probe) if scores else {}
    return tuple(rows), {name: one.spearman for name, one in agreed.items() if one.spearman is not None}


def _measures(view: View, source: nn.Linear | None, samples: int, seed: int) -> dict[str, Interval]:
    train = view.data.split.train
    labels = view.data.dataset.labels
    indices: IntArray = train[stratified_order(labels[train], seed)][: min(samples, MOST)]
    features = view.features(indices, full=False)
    with torch.inference_mode():
        said = None if source is None else source(features.to(source.weight)).double().softmax(1).numpy()
    try:
        return transferability(features.double().numpy(), labels[indices], said, seed=seed)
    except DataError:  # features that do not vary, or a class with a single sample: there is no value then
        return {}
