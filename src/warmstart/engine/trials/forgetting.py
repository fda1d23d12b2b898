"""How far a tune moved what the network knew: its features, and its answers to what it was trained on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.ladder.contender import Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.evaluation.cka import LEAST, linear_cka

SAMPLES = 256
"""Held-out samples that are asked; their activations at the cut are computed once."""


def forgetting(context: LadderContext, member: Member, held: IntArray) -> tuple[float | None, float | None]:
    """(drift, moved) on at most 256 of the samples at `held`.

    Drift is 1 - linear CKA of pooled features before and after (0: equal up to rotation and scale). Moved is the share
    of samples to which the classifier that the weights came with answers otherwise; `None` where none came along.
    """
    some = held[np.sort(np.random.default_rng(0).permutation(len(held))[:SAMPLES])]
    before, last = Member(context.network(), member.cut, member.recipe), len(context.backbone.chain.cuts) - 1
    source = before.network.facts.source_head
    if len(some) < LEAST or member.cut == last:
        return (0.0, None if source is None else 0.0) if len(some) else (None, None)
    features = [_pooled(context, context.features(one, some)) for one in (before, member)]
    alike = linear_cka(*(rows.numpy() for rows in features))
    drift = None if np.isnan(alike) else float(np.clip(1 - alike, 0.0, 1.0))
    if source is None:
        return drift, None
    with torch.inference_mode():
        answers = [source(rows.to(source.weight)).argmax(1) for rows in features]
    return drift, float((answers[0] != answers[1]).float().mean())


def _pooled(context: LadderContext, features: Tensor) -> Tensor:
    """Features (n, d) on the CPU; of maps the mean of each channel."""
    maps = context.backbone.maps
    if maps is not None:
        features = torch.cat([each.mean((2, 3)) for each in maps.unpack(features)], 1)
    return features.flatten(1).float().cpu()
