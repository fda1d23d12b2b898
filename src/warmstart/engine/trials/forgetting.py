"""How far a tune moved what the network knew: its features, and its answers to what it was trained on."""

from __future__ import annotations

import numpy as np
import torch

from warmstart.data.schema import IntArray
from warmstart.engine.ladder.contender import Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.evaluation.cka import LEAST, linear_cka
from warmstart.model.modes import evaluating

SAMPLES = 256
"""Held-out samples that are asked; their activations at the cut are computed once."""


def forgetting(context: LadderContext, member: Member, held: IntArray) -> tuple[float | None, float | None]:
    """(drift, moved) on at most 256 of the samples at `held`.

    Drift is 1 - linear CKA of pooled features before and after (0: equal up to rotation and scale). Moved is the share
    of samples to which the classifier that the weights came with answers otherwise; `None` where none came along.
    """
    some = held[np.sort(np.random.default_rng(0).permutation(len(held))[:SAMPLES])]
    before, after = context.network(), member.network
    cut, last = member.cut, len(after.facts.chain.cuts) - 1
    if len(some) < LEAST or cut == last:
        return (0.0, 0.0 if before.facts.source_head is not None else None) if len(some) else (None, None)
    below = context.activations(after, cut, some)
    features = []
    for network in (before, after):
        with evaluating(network), torch.inference_mode():
            suffix = network.facts.chain.suffix(cut)
            features.append(torch.cat([suffix(part) for part in torch.split(below, 64)]).flatten(1).float().cpu())
    alike = linear_cka(*(rows.numpy() for rows in features))
    drift = None if np.isnan(alike) else float(np.clip(1 - alike, 0.0, 1.0))
    source = before.facts.source_head
    if source is None:
        return drift, None
    with torch.inference_mode():
        answers = [source(rows.to(source.weight)).argmax(1) for rows in features]
    return drift, float((answers[0] != answers[1]).float().mean())
