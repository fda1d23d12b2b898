"""Measures of transferability of the candidates, and how far they agree with the probes: shown, never decided by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from warmstart.errors import DataError
from warmstart.evaluation.recommendation import Ranked
from warmstart.select.halving import order_of
from warmstart.select.transferability import metrics, rank_agreement, transferability, unavailable
from warmstart.select.view import View

MOST = 1000
"""Training samples that they are taken from; with more, the mixture model of NLEEP takes longer than the probes."""


def with_transferability(
    ranked: Sequence[Ranked], found: Mapping[str, Ranked], missing: Mapping[str, str], otherwise: str
) -> tuple[list[Ranked], dict[str, float]]:
    """The candidates with what was `measured` of them, and Spearman's rank correlation of each measure with the better
    probe of the first round, for three candidates or more.

    Of one that is not in `found` every measure is unavailable, for the reason in `missing`, or else `otherwise`.
    """
    rows = [
        found.get(row.backbone)
        or dataclasses.replace(row, unavailable=dict.fromkeys(metrics, missing.get(row.backbone, otherwise)))
        for row in ranked
    ]
    probe = [row.rounds[0].best.value for row in rows]
    scores = {
        name: [row.transferability[name].value if name in row.transferability else None for row in rows]
        for name in metrics
    }
    agreed = rank_agreement(scores, probe)
    return rows, {name: one.spearman for name, one in agreed.items() if one.spearman is not None}


def measured(row: Ranked, view: View, source: nn.Linear | None, seed: int) -> Ranked:
    """A candidate with every measure that can be had, on samples of the first round, whose features are stored.

    `source` is the classifier that the weights came with. With a DataError (features that do not vary, a class with a
    single sample) there is no value of any.
    """
    first = row.rounds[0]
    indices = order_of(view.data, seed)[: min(first.samples, MOST)]
    features = view.features(indices, full=first.size == view.size)
    with torch.inference_mode():
        said = None if source is None else source(features.to(source.weight)).double().softmax(1).numpy()
    try:
        found = transferability(features.double().numpy(), view.data.dataset.labels[indices], said, seed=seed)
    except DataError as error:
        return dataclasses.replace(row, unavailable=dict.fromkeys(metrics, error.found))
    return dataclasses.replace(row, transferability=found, unavailable=unavailable(said))
